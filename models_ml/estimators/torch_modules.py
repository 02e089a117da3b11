"""The networks themselves. Imports PyTorch: to be imported only where that is installed."""

from dataclasses import dataclass

import torch
from torch import nn

# Codes in sequences run from 0 to 63; one more stands for unknown.
CODES = 65
CODE_WIDTH = 6


class FeedForward(nn.Module):
    """Two rectified layers with dropout; log-odds `(n,)` of rows `(n, columns)`."""

    def __init__(self, columns: int, width: int, dropout: float) -> None:
        super().__init__()
        half = max(width // 2, 1)
        self.layers = nn.Sequential(
            nn.Linear(columns, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, half),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(half, 1),
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layers(rows)[:, 0]


@dataclass(frozen=True)
class Layout:
    """Where things stand in a flat row: static columns, then each group of parallel sequences.

    A group has its length, then for each of `steps` events `numbers` values, as many
    indicators of unknown, and `codes` codes.
    """

    static: int
    steps: int
    groups: tuple[tuple[int, int], ...]

    @property
    def width(self) -> int:
        return self.static + sum(1 + self.steps * (2 * n + c) for n, c in self.groups)


class Recurrent(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) over each group, then two layers with the static."""

    def __init__(self, layout: Layout, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layout = layout
        self.codes = nn.ModuleList(
            nn.ModuleList(nn.Embedding(CODES, CODE_WIDTH) for _ in range(codes))
            for _, codes in layout.groups
        )
        self.units = nn.ModuleList(
            nn.GRU(2 * numbers + CODE_WIDTH * codes, hidden, batch_first=True)
            for numbers, codes in layout.groups
        )
        self.head = FeedForward(layout.static + hidden * len(layout.groups), width, dropout)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.decide(*self.unpack(rows))

    def unpack(
        self, rows: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """Static columns, each group's events `(n, steps, inputs)`, each group's lengths `(n,)`."""
        layout = self.layout
        place = layout.static
        events, lengths = [], []
        for embeddings, (numbers, codes) in zip(self.codes, layout.groups, strict=True):
            lengths.append(rows[:, place].long())
            size = layout.steps * (2 * numbers + codes)
            cells = rows[:, place + 1 : place + 1 + size].reshape(len(rows), layout.steps, -1)
            parts = [cells[:, :, : 2 * numbers]]
            for number, embedding in enumerate(embeddings):
                parts.append(embedding(cells[:, :, 2 * numbers + number].long()))
            events.append(torch.cat(parts, dim=2))
            place += 1 + size
        return rows[:, : layout.static], events, lengths

    def decide(
        self, static: torch.Tensor, events: list[torch.Tensor], lengths: list[torch.Tensor]
    ) -> torch.Tensor:
        """Log-odds `(n,)`: the state after the latest event, nothing where there was none."""
        states = [static]
        for unit, inputs, length in zip(self.units, events, lengths, strict=True):
            passed, _ = unit(inputs)
            last = (length - 1).clamp(min=0)[:, None, None].expand(-1, 1, passed.shape[2])
            state = passed.gather(1, last)[:, 0]
            states.append(state * (length > 0)[:, None])
        return self.head(torch.cat(states, dim=1))
