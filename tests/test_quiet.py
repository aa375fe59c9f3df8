"""What every command says, and no user can mend, is not said; all else is."""

import logging

import pytest

import guided_imagination


@pytest.mark.parametrize(("name", "message"), guided_imagination.CHATTER.items())
def test_chatter_is_dropped_and_nothing_else(
    name: str, message: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "filters", [])
    monkeypatch.setattr("warnings.showwarning", lambda *_: None)
    guided_imagination.quiet()
    with caplog.at_level(logging.INFO, name):
        logger.info(f"{message} and so on")
        logger.info("Completed node: fashion.read")
    assert caplog.messages == ["Completed node: fashion.read"]


def test_a_run_names_its_nodes_without_their_inputs(caplog: pytest.LogCaptureFixture) -> None:
    from kedro.pipeline import Node

    from guided_imagination.hooks import ProjectHooks

    with caplog.at_level(logging.INFO, "guided_imagination.hooks"):
        ProjectHooks().before_node_run(node=Node(print, ["a", "b"], "c", name="train", namespace="fashion.mae"))
    assert caplog.messages == ["Running node: fashion.mae.train"]
