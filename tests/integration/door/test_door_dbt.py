"""dbt through the door builds what it builds in the process."""

import subprocess

import pytest
from doors import DBT, ROOT, Door, Place, marts, of_server, serving

pytestmark = pytest.mark.full


def test_a_build_through_the_door_equals_the_local_one(loaded: Place, reader: Door) -> None:
    place = loaded.copy(loaded.folder.with_name("through"))
    with serving(place, "engineer") as engineer:
        done = subprocess.run(
            [DBT, "build", *place.options("server")],
            cwd=ROOT, env=place.environment(**of_server(engineer)), text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        through, locally = marts(engineer), marts(reader)
    assert through.keys() == locally.keys()
    assert locally["mart_publisher_daily"][0] > 100
    assert locally["install_truth"][0] > 10
    assert through == locally
