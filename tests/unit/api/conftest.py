"""One app over one small world per test."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.unit.api.world import World, app_of


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(world: World) -> Flask:
    return app_of(world)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
