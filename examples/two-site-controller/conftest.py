"""`pytest --copier=naive` or, by default, `pytest --copier=level`."""

import pytest
from copier import Copier, LevelCopier


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--copier", choices=["naive", "level"], default="level")


@pytest.fixture
def copier(request: pytest.FixtureRequest) -> type[Copier]:
    return Copier if request.config.getoption("--copier") == "naive" else LevelCopier
