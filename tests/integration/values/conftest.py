"""Comparisons of this folder's helper tell what differs."""

import pytest

pytest.register_assert_rewrite("made")
