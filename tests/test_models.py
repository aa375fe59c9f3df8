import pytest
import torch

from guided_imagination.config import MaeConfig, UnclipConfig
from guided_imagination.errors import InputError
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.models import load_generator, load_guide
from toy import NAMES

LABELS = torch.zeros(3, dtype=torch.long)


def test_a_saved_clip_guides_as_before(tmp_path, clip_model, clip_processor, guide, images):
    clip_model.save_pretrained(tmp_path)
    clip_processor.save_pretrained(tmp_path)
    loaded = load_guide(str(tmp_path), NAMES, ["a photo of a {}.", "a {}."])
    torch.testing.assert_close(loaded.head, guide.head)
    torch.testing.assert_close(loaded.features(images), guide.features(images))


def test_a_saved_mae_is_loaded_in_float32(tmp_path, mae_model, mae_processor, guide, images):
    mae_model.save_pretrained(tmp_path)
    mae_processor.save_pretrained(tmp_path)
    loaded = load_generator(MaeConfig(kind="mae", model=str(tmp_path), decoding="full"), guide)
    original = MaeGenerator(mae_model, mae_processor, guide, "full")
    made = loaded.decode(loaded.encode(images, LABELS), [])
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, original.decode(original.encode(images, LABELS), []))


def test_a_saved_unclip_pipeline_is_loaded(tmp_path, kandinsky, guide, images):
    kandinsky.save_pretrained(tmp_path)
    config = UnclipConfig(kind="unclip", model=str(tmp_path), image_size=16, inference_steps=2, guidance_scale=1.5)
    loaded, original = load_generator(config, guide), UnclipGenerator(kandinsky, guide, 16, 2, 1.5)
    latent = original.encode(images[:1], LABELS[:1])
    made, expected = (each.decode(latent, [torch.Generator().manual_seed(0)]) for each in (loaded, original))
    torch.testing.assert_close(made, expected)


def test_a_folder_without_weights_is_refused(tmp_path, guide):
    with pytest.raises(InputError, match="no weights in"):
        load_generator(MaeConfig(kind="mae", model=str(tmp_path), decoding="full"), guide)
