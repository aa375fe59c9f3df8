"""A hub cache of tiny models with random weights, under the ids and revisions of conf/base/parameters_models.yml.

`python tests/hub.py FOLDER` builds one; `HF_HUB_CACHE=FOLDER HF_HUB_OFFLINE=1 kedro run --env paper` uses it.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import sentencepiece
import timm
import yaml
from diffusers import (
    DDPMScheduler,
    KandinskyV22Pipeline,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableUnCLIPImg2ImgPipeline,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from safetensors.torch import save_file
from transformers import (
    CLIPImageProcessor,
    CLIPTokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    SiglipTokenizer,
)

from guided_imagination.utils.randomness import seeded
from helpers import tiny

CONF = Path(__file__).parents[2] / "conf" / "base"
CLASSIFIER = {"model": "resnet10t", "arguments": {"channels": [8, 8, 8, 8]}}  # which stands for all of timm's
CLIP_IMAGES = {
    "do_center_crop": True,
    "crop_size": 32,
    "resample": 3,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
IMAGENET = {"resample": 2, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
BIG_G, LARGE, BASE = 20, 12, 8  # embedding widths, in the order of 1280, 768 and 512
STABLE_DIFFUSION_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def clip_of(width: int) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        tokenizer = tiny.clip_tokenizer()
        tiny.clip(tokenizer, width).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        image_settings_of_2022(folder, "CLIPFeatureExtractor", CLIP_IMAGES)

    return save


def siglip(folder: Path) -> None:
    vocabulary = {"vocab_size": 300, "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 1}
    text = {**tiny.LAYER, **vocabulary, "max_position_embeddings": tiny.CONTEXT, "projection_size": 16}
    vision = {**tiny.LAYER, "image_size": 32, "patch_size": 16}
    with seeded("siglip"):
        SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a photo of a cat", "a photo of a dog"]),
        model_prefix=str(folder / "spiece"),
        vocab_size=300,
        byte_fallback=True,
        hard_vocab_limit=False,
        pad_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=tiny.CONTEXT)
    images = SiglipImageProcessor(size={"height": 32, "width": 32})
    SiglipProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)


def mae(folder: Path) -> None:
    tiny.mae(image_size=32, patch_size=8).save_pretrained(folder)
    image_settings_of_2022(folder, "ViTFeatureExtractor", IMAGENET)


def kandinsky_decoder(folder: Path) -> None:
    scheduler = DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        variance_type="learned_range",
        clip_sample_range=2,
        prediction_type="epsilon",
    )
    KandinskyV22Pipeline(unet=tiny.kandinsky_unet(BIG_G), scheduler=scheduler, movq=tiny.movq()).save_pretrained(folder)


def kandinsky_prior(folder: Path) -> None:
    """Only what is downloaded of it: the prior itself, 4 GB, is not used."""
    tokenizer = tiny.clip_tokenizer()
    tiny.image_encoder(BIG_G).save_pretrained(folder / "image_encoder")
    tiny.projected_text_encoder(tokenizer, BIG_G).save_pretrained(folder / "text_encoder")
    tokenizer_of_2022(folder / "tokenizer", tokenizer)
    image_settings_of_2022(folder / "image_processor", "CLIPFeatureExtractor", CLIP_IMAGES)
    (folder / "prior").mkdir()
    (folder / "prior" / "config.json").write_text('{"_class_name": "PriorTransformer"}')
    components = {
        "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
        "image_processor": ["transformers", "CLIPImageProcessor"],
        "prior": ["diffusers", "PriorTransformer"],
        "scheduler": ["diffusers", "UnCLIPScheduler"],
        "text_encoder": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
    }
    index = {"_class_name": "KandinskyV22PriorPipeline", **components}
    (folder / "model_index.json").write_text(json.dumps(index))


def stable_diffusion(folder: Path) -> None:
    tokenizer = tiny.clip_tokenizer()
    StableDiffusionPipeline(
        vae=tiny.vae(),
        text_encoder=tiny.text_encoder(tokenizer),
        tokenizer=tokenizer,
        unet=tiny.text_unet(),
        scheduler=PNDMScheduler(**STABLE_DIFFUSION_NOISE, skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=CLIPImageProcessor(),
        requires_safety_checker=False,
    ).save_pretrained(folder)
    tokenizer_of_2022(folder / "tokenizer", tokenizer)
    index = json.loads((folder / "model_index.json").read_text())
    index.pop("requires_safety_checker")
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]  # whose weights stay on the hub
    (folder / "model_index.json").write_text(json.dumps(index))


def stable_unclip(folder: Path) -> None:
    tokenizer = tiny.clip_tokenizer()
    StableUnCLIPImg2ImgPipeline(
        feature_extractor=CLIPImageProcessor(),
        image_encoder=tiny.image_encoder(LARGE),
        image_normalizer=StableUnCLIPImageNormalizer(LARGE),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=tokenizer,
        text_encoder=tiny.text_encoder(tokenizer),
        unet=tiny.text_unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * LARGE),
        scheduler=PNDMScheduler(**STABLE_DIFFUSION_NOISE, skip_prk_steps=True, steps_offset=1),
        vae=tiny.vae(),
    ).save_pretrained(folder)
    tokenizer_of_2022(folder / "tokenizer", tokenizer)


def classifier(folder: Path) -> None:
    with seeded("classifier"):
        network = timm.create_model(CLASSIFIER["model"], num_classes=1000, **CLASSIFIER["arguments"])
    save_file(network.state_dict(), folder / "model.safetensors")
    described = {"mean": IMAGENET["image_mean"], "std": IMAGENET["image_std"], "classifier": "fc"}
    settings = {"architecture": CLASSIFIER["model"], "num_classes": 1000, "pretrained_cfg": described}
    (folder / "config.json").write_text(json.dumps(settings))


def image_settings_of_2022(folder: Path, kind: str, settings: dict[str, object]) -> None:
    """What these repositories hold instead of what an image processor saves today."""
    folder.mkdir(exist_ok=True)
    steps = {"do_normalize": True, "do_resize": True, "size": 32, "feature_extractor_type": kind}
    (folder / "preprocessor_config.json").write_text(json.dumps({**steps, **settings}))


def tokenizer_of_2022(folder: Path, tokenizer: CLIPTokenizer) -> None:
    """vocab.json and merges.txt instead of today's tokenizer.json."""
    tokenizer.save_pretrained(folder)
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer.json").unlink()


BUILDERS: dict[str, Callable[[Path], None]] = {
    "facebook/vit-mae-large": mae,
    "facebook/vit-mae-base": mae,
    "kandinsky-community/kandinsky-2-2-decoder": kandinsky_decoder,
    "kandinsky-community/kandinsky-2-2-prior": kandinsky_prior,
    "sd2-community/stable-diffusion-2-1-unclip-small": stable_unclip,
    "CompVis/stable-diffusion-v1-4": stable_diffusion,
    "openai/clip-vit-base-patch32": clip_of(BASE),
    "openai/clip-vit-large-patch14": clip_of(LARGE),
    "google/siglip-base-patch16-224": siglip,
    "timm/resnet50.a1_in1k": classifier,
    "timm/resnext50_32x4d.a1h_in1k": classifier,
    "timm/wide_resnet50_2.racm_in1k": classifier,
    "timm/mobilenetv2_100.ra_in1k": classifier,
}


def presets() -> dict[str, str | None]:
    """The hub models of the configuration and their revisions."""
    settings = yaml.safe_load((CONF / "parameters_models.yml").read_text())
    architectures = yaml.safe_load((CONF / "parameters_train.yml").read_text())["architectures"].values()
    pretrained = [architecture["pretrained"] for architecture in architectures if "pretrained" in architecture]
    models = [*settings["generators"].values(), *settings["guides"].values(), *pretrained]
    return {model["model"]: model.get("revision") for model in models if "${" not in model["model"]}


def build(cache: Path) -> None:
    """Write every hub model of the configuration into `cache`, laid out as huggingface_hub does."""
    for name, revision in presets().items():
        with tempfile.TemporaryDirectory() as folder:
            BUILDERS[name](Path(folder))
            store(Path(folder), cache / f"models--{name.replace('/', '--')}", revision or "main")


def store(folder: Path, repository: Path, revision: str) -> None:
    """Contents as blobs, a snapshot of links to them, and for a branch a file that names its commit."""
    pinned = len(revision) == 40
    commit = revision if pinned else hashlib.sha1(revision.encode()).hexdigest()
    if not pinned:
        reference = repository / "refs" / revision
        reference.parent.mkdir(parents=True)
        reference.write_text(commit)
    blobs = repository / "blobs"
    blobs.mkdir(parents=True)
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes()
        blob = blobs / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        link = repository / "snapshots" / commit / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(*[".."] * (len(link.relative_to(repository).parts) - 1), "blobs", blob.name))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
