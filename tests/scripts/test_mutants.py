"""What scripts/mutants changes, and the tests that it runs, are there."""

from scripts.mutation.rooms import ROOMS
from tests.conftest import ROOT


def test_every_module_and_test_of_a_room_exists():
    modules = {module: tests for room in ROOMS.values() for module, tests in room.items()}
    missing = [module for module in modules if not (ROOT / "segmentation" / module).is_file()]
    for tests in modules.values():
        missing += [test for test in tests if not (ROOT / "tests" / "segmentation" / test).exists()]
    assert missing == []
