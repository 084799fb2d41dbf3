"""A staging folder as a session makes it, without the session: planned, then made or undone."""

from __future__ import annotations

import os
from typing import Any

from recorder import errors
from recorder.policy import Policy
from recorder.staging import create
from recorder.staging.layout import Staging


def prepare(
    destination: str | bytes | os.PathLike[str], *, policy: Policy | None = None, **options: Any
) -> Staging:
    """Options: those of create.plan."""
    staging = create.plan(destination, policy=policy or Policy(), **options)
    try:
        create.make(staging)
    except BaseException as error:
        if not isinstance(error, errors.StagingExistsError):  # that folder is not ours to undo
            create.undo(staging, error)
        raise
    return staging
