"""Holds the world, hands out its effective view, and writes it to the state file after each change."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import yaml

from sas_service.emulator import index as indexes
from sas_service.emulator import seeding, shapes
from sas_service.emulator.clock import Clock
from sas_service.emulator.settings import Settings, patched
from sas_service.emulator.world import World

SAMPLE_WORLD = Path(__file__).with_name("sample_world.yaml")


def load_world(path: Path) -> World:
    """Read a world (or state) file, YAML or JSON, or say what is wrong with it."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise shapes.ShapeError(f"{path}: {error}") from None
    try:
        return shapes.read(World, document)
    except shapes.ShapeError as error:
        raise shapes.ShapeError(f"{path}: {error}") from None


def open_store(world_file: Path | None, state_file: Path | None) -> "Store":
    """Open the world: the state file if there is one, otherwise the world file, otherwise the sample."""
    if state_file and state_file.exists():
        world = shapes.read(World, json.loads(state_file.read_text()), str(state_file))
    else:
        world = load_world(world_file or SAMPLE_WORLD)
    clock = Clock(world.clock_offset)
    return Store(seeding.complete(world, clock.now()), clock, state_file)


class Store:
    """The one owner of the world; everybody else reads the index or changes it inside change()."""

    def __init__(self, world: World, clock: Clock, state_file: Path | None = None) -> None:
        self.world = world
        self.clock = clock
        self.settings = patched(Settings(), world.settings)
        self._lock = threading.RLock()
        self._state_file = state_file
        self._version = 0
        self._index = indexes.build(world, 0, clock.now())
        self._save()

    def index(self) -> indexes.Index:
        """Return the world as it is effective now."""
        index = self._index
        if index.version != self._version or self.clock.now() >= index.valid_until:
            with self._lock:
                self._version += 1
                index = self._index = indexes.build(self.world, self._version, self.clock.now())
        return index

    @contextmanager
    def change(self) -> Iterator[World]:
        """Change the world alone; afterwards it is on disk. An error inside means that nothing was changed."""
        with self._lock:
            yield self.world
            self._version += 1
            self.world.clock_offset = self.clock.offset
            self._save()

    def exclusive(self) -> AbstractContextManager[object]:
        """Keep everybody else from changing the world for a while."""
        return self._lock

    def change_settings(self, patch: object) -> None:
        """Take over new settings."""
        with self.change() as world:
            self.settings = patched(self.settings, patch)
            world.settings = shapes.write(self.settings)

    def _save(self) -> None:
        if self._state_file:
            write_atomically(self._state_file, json.dumps(shapes.write(self.world), indent=1))


def write_atomically(path: Path, text: str) -> None:
    """Replace a file whole or not at all, even in a crash; it holds keys, so only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
