"""Counts the rooms of `models_ml` and the arrows between them; more than stood are an error.

    python tests/rooms.py --most 17

A room is a folder or module right below `models_ml`; an arrow says that one imports from another.
"""

import argparse
import sys

import grimp

PLACE = "clickward.models_ml"


def arrows() -> tuple[set[str], set[tuple[str, str]]]:
    """The rooms, and which imports from which."""
    graph = grimp.build_graph("clickward")
    rooms = graph.find_children(PLACE)
    found = set()
    for room in rooms:
        for module in {room} | graph.find_descendants(room):
            for imported in graph.find_modules_directly_imported_by(module):
                other = ".".join(imported.split(".")[:3])
                if other in rooms and other != room:
                    found.add((room, other))
    return rooms, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, required=True, help="Arrows that there may be.")
    most = parser.parse_args().most
    rooms, found = arrows()
    print(f"models_ml: {len(rooms)} rooms, {len(found)} arrows between them")
    if len(found) > most:
        sys.exit(f"error: more than {most} arrows\nhint: put the new line into the room it is of")


if __name__ == "__main__":
    main()
