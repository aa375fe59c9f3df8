"""The tokenizer of a small CLIP: words of its captions, and pieces of any other."""

import pytest
from transformers import CLIPTokenizer

from guided_imagination.pretraining.clip import build_tokenizer

CORPUS = ["a photo of a red cell.", "one cell among reeds."]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """As a user gets it: written, and read again."""
    folder = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(CORPUS, 24).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)[1:-1]


def test_words_of_the_captions_are_tokens(tokenizer):
    assert pieces(tokenizer, "A photo  of one cell.") == [
        "a</w>",
        "photo</w>",
        "of</w>",
        "one</w>",
        "cell</w>",
        ".</w>",
    ]


def test_other_words_are_read_in_pieces_and_none_ends_the_text(tokenizer):
    assert pieces(tokenizer, "a cello") == ["a</w>", "cel", "l", "o</w>"]  # spelt: ce, cel, cell</w>
    ids = tokenizer("zebra {} \u00e9").input_ids
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id


def test_it_is_the_same_whatever_order_the_captions_have():
    vocabularies = [build_tokenizer(corpus, 24).get_vocab() for corpus in (CORPUS, CORPUS[::-1])]
    assert vocabularies[0] == vocabularies[1]


def test_texts_are_cut_at_the_length_of_the_context(tokenizer):
    assert len(tokenizer("cell " * 50, truncation=True).input_ids) == 24
