"""Typed settings of pre-trained models, and of the devices that they run on."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from guided_imagination.config.strict import Count, NonNegative, Share, Strict

ImageSize = Annotated[int, Field(ge=8, multiple_of=8)]  # autoencoders halve it three times


class PretrainedModel(Strict):
    """Pre-trained weights. `model` is an id of the Hugging Face hub, or a local folder in the same layout.

    `revision` pins the hub's commit. `checksums` are the SHA-256 of files by their path in the repository: then any
    mirror that agrees is as good. `variant: fp16` takes the files of 16 bits, half the download, where there are some.
    `gigabytes` is what a download takes, for plans. `licence`, in the hub's spelling, is of a model whose folder has no
    card that states one; it shapes nothing.
    """

    # folders with weights that are used if the model is a diffusers pipeline
    networks: ClassVar[tuple[str, ...]] = ()
    # what else is used, by the names of a pipeline's folders; the files lie at the top if the model is no pipeline
    companions: ClassVar[tuple[str, ...]] = ()

    embeds: ClassVar[bool] = False  # whether the latent of a generator is the CLIP embedding itself
    adapts_whole: ClassVar[bool] = False  # whether fine-tuning may change all of its weights

    model: str = Field(min_length=1)
    revision: str | None = None
    variant: Literal["fp16"] | None = None
    gigabytes: NonNegative | None = None
    licence: str | None = Field(default=None, min_length=1)
    checksums: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(default_factory=dict)


class GuideConfig(PretrainedModel):
    """CLIP or SigLIP: a transformers model, or a diffusers pipeline that holds both encoders of one CLIP."""

    networks: ClassVar[tuple[str, ...]] = ("image_encoder", "text_encoder")
    companions: ClassVar[tuple[str, ...]] = ("tokenizer", "image_processor")


class MaeConfig(PretrainedModel):
    """A masked autoencoder.

    `decoding` is residual (the seed, and what the change of the feature changes in the reconstruction) or full (the
    reconstruction).
    """

    companions: ClassVar[tuple[str, ...]] = ("image_processor",)
    adapts_whole: ClassVar[bool] = True

    kind: Literal["mae"]
    decoding: Literal["full", "residual"]


class UnclipConfig(PretrainedModel):
    """Kandinsky 2.2's decoder: the guide has to be the CLIP that it was trained with.

    `image_size` is the side of its images in pixels. `inference_steps` is how often it denoises.
    """

    networks: ClassVar[tuple[str, ...]] = ("unet", "movq")
    companions: ClassVar[tuple[str, ...]] = ("scheduler",)
    embeds: ClassVar[bool] = True

    kind: Literal["unclip"]
    image_size: ImageSize
    inference_steps: Count
    guidance_scale: NonNegative


class StableUnclipConfig(PretrainedModel):
    """Stable Diffusion 2.1 conditioned on a CLIP image embedding; the guide has to be that CLIP.

    `image_size` is the side of its images in pixels. `inference_steps` is how often it denoises.
    """

    networks: ClassVar[tuple[str, ...]] = ("image_encoder", "image_normalizer", "text_encoder", "unet", "vae")
    companions: ClassVar[tuple[str, ...]] = ("tokenizer", "feature_extractor", "scheduler", "image_noising_scheduler")
    embeds: ClassVar[bool] = True

    kind: Literal["stable_unclip"]
    image_size: ImageSize
    inference_steps: Count
    guidance_scale: NonNegative
    noise_level: int = Field(ge=0, lt=1000)


class StableDiffusionConfig(PretrainedModel):
    """Stable Diffusion 1.x, image to image, prompted by "domain adjective class".

    `image_size` is the side of its images in pixels. `inference_steps` is how often it denoises. `strength` is the
    share of these that are done on the seed: the more, the less is left of it. `flip` is how often a seed is mirrored.
    `domains` and `adjectives` are what prompts draw from.
    """

    networks: ClassVar[tuple[str, ...]] = ("text_encoder", "unet", "vae")
    companions: ClassVar[tuple[str, ...]] = ("tokenizer", "scheduler")
    adapts_whole: ClassVar[bool] = True

    kind: Literal["stable_diffusion"]
    image_size: ImageSize
    inference_steps: Count
    guidance_scale: NonNegative
    strength: Share
    rotation: NonNegative
    flip: Share
    domains: list[str] = Field(min_length=1)
    adjectives: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def something_is_denoised(self) -> "StableDiffusionConfig":
        if int(self.strength * self.inference_steps) < 1:
            raise ValueError(
                f"strength {self.strength} of {self.inference_steps} inference_steps is less than one step"
            )
        return self


GeneratorConfig = Annotated[
    MaeConfig | UnclipConfig | StableUnclipConfig | StableDiffusionConfig, Field(discriminator="kind")
]


class WorkersConfig(Strict):
    """Who does the shards of expansions and the cells of training.

    `local` is processes of this machine, `ray` actors of a cluster (`address` joins one, null starts one here). A
    worker has `cpus` threads, and `gpus` in a cluster; `count` null is a worker per GPU, or as many as the cores allow.
    """

    engine: Literal["local", "ray"] = "local"
    count: Count | None = None
    cpus: Count = 1
    gpus: NonNegative | None = None
    address: str | None = None

    @model_validator(mode="before")
    @classmethod
    def share_is_gone(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "share" in values:
            raise ValueError(
                "share is gone: remove the key, and run one row per job with --namespaces DATASET.METHOD, or set "
                "engine to ray"
            )
        return values

    @model_validator(mode="after")
    def only_of_a_cluster(self) -> "WorkersConfig":
        if self.engine == "local" and (self.address is not None or self.gpus is not None):
            raise ValueError("address and gpus are of engine ray; engine local has a worker per GPU")
        return self


class ComputeConfig(Strict):
    """Where networks run. `auto` is the GPU in 16 bits if there is one, else the CPU in 32.

    `deterministic` fixes what would let bits depend on the machine's load or size: threads, kernels, batch sizes.
    """

    device: str = Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    attention_slicing: bool
    offload: Literal["none", "model", "sequential"]
    deterministic: bool = False
    workers: WorkersConfig = WorkersConfig()

    @model_validator(mode="after")
    def one_thread_is_one(self) -> "ComputeConfig":
        if self.deterministic and self.workers.cpus > 1:
            raise ValueError(f"deterministic means one thread, so workers.cpus has to be 1, not {self.workers.cpus}")
        return self

    @model_validator(mode="after")
    def workers_share_gpus(self) -> "ComputeConfig":
        if self.device.startswith("cuda:") and (self.workers.count or 1) > 1:
            raise ValueError(
                f"device {self.device!r} is one GPU: set workers.count to 1, or device to cuda for a worker per GPU"
            )
        return self


ONE_WORKER = ComputeConfig(
    device="cpu", precision="float32", attention_slicing=False, offload="none", workers=WorkersConfig(count=1)
)
