"""dbt through the door builds what it builds in the process."""

from doors import Built, Door, marts


def test_a_build_through_the_door_equals_the_local_one(built: Built, reader: Door) -> None:
    through, locally = built.through, marts(reader)
    assert through.keys() == locally.keys()
    assert locally["mart_publisher_daily"][0] > 100
    assert locally["install_truth"][0] > 10
    assert through == locally
