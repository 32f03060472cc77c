"""JSON without spaces, by an encoder that is made once: making one costs as much as using it."""

import json

compact = json.JSONEncoder(separators=(",", ":")).encode
