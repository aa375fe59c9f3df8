"""What every command says, and no user can mend, is not said; all else is."""

import logging

import pytest
from kedro.pipeline import Node

import guided_imagination
from guided_imagination.hooks import ProjectHooks

CHATTER = [(name, message) for name, messages in guided_imagination.CHATTER.items() for message in messages]


@pytest.mark.parametrize(("name", "message"), CHATTER)
def test_chatter_is_dropped_and_nothing_else(
    name: str, message: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "filters", [])
    monkeypatch.setattr("warnings.showwarning", lambda *_: None)
    guided_imagination.quiet()
    with caplog.at_level(logging.INFO, name):
        logger.info(f"{message} and so on", *[1] * message.count("%d"))
        logger.info("Pipeline execution completed successfully")
    assert caplog.messages == ["Pipeline execution completed successfully"]


def test_a_run_names_its_nodes_without_their_inputs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "guided_imagination.hooks"):
        ProjectHooks().before_node_run(node=Node(print, ["a", "b"], "c", name="train", namespace="fashion.mae"))
    assert caplog.messages == ["Running node: fashion.mae.train"]


def test_a_whole_run_counts_its_nodes(caplog: pytest.LogCaptureFixture) -> None:
    hooks = ProjectHooks()
    hooks.nodes = 2
    with caplog.at_level("INFO", "guided_imagination.hooks"):
        for name in ("read", "train"):
            hooks.before_node_run(node=Node(print, ["a"], "c", name=name))
    assert caplog.messages == ["Running node: read (1 of 2)", "Running node: train (2 of 2)"]
