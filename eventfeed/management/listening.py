"""The arguments of the commands that listen."""

import argparse

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8200  # beside Prefect's 4200


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"where to listen ({DEFAULT_HOST})")
    parser.add_argument(
        "--port", default=DEFAULT_PORT, type=port, help=f"where to listen ({DEFAULT_PORT})"
    )


def port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number up to 65535")
    return int(text)
