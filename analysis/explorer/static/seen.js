// What is on screen is drawn at once; what is not waits until the paint is done.

const LATER = 150;

/** A function that runs `draw` now if `element` is on screen, else soon, or when it comes in sight. */
export function whenSeen(element, draw) {
  let isSeen = false;
  let waiting = null;
  const drawWaiting = () => {
    if (waiting === null) return;
    clearTimeout(waiting);
    waiting = null;
    draw();
  };
  new IntersectionObserver((entries) => {
    isSeen = entries.at(-1).isIntersecting;
    if (isSeen) drawWaiting();
  }).observe(element);
  globalThis.addEventListener("beforeprint", drawWaiting);
  return () => {
    clearTimeout(waiting);
    waiting = null;
    if (isSeen) draw();
    else waiting = setTimeout(drawWaiting, LATER);
  };
}
