"""Typed settings of pre-trained models, and of the devices that they run on."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from guided_imagination.config.strict import Count, NonNegative, Share, Strict

ImageSize = Annotated[int, Field(ge=8, multiple_of=8)]  # autoencoders halve it three times


class PretrainedModel(Strict):
    """Pre-trained weights."""

    # folders with weights that are used if the model is a diffusers pipeline
    networks: ClassVar[tuple[str, ...]] = ()
    # what else is used, by the names of a pipeline's folders; the files lie at the top if the model is no pipeline
    companions: ClassVar[tuple[str, ...]] = ()

    @property
    def files_beside(self) -> tuple[str, ...]:
        """The companions that these settings need."""
        return self.companions

    embeds: ClassVar[bool] = False  # whether the latent of a generator is the CLIP embedding itself
    adapts_whole: ClassVar[bool] = False  # whether fine-tuning may change all of its weights

    model: str = Field(min_length=1)
    """Id on the Hugging Face hub, or a local folder in the same layout."""
    revision: str | None = None
    """Commit on the hub."""
    variant: Literal["fp16"] | None = None
    """fp16: the 16-bit files of a repository that has them; half the download."""
    gigabytes: NonNegative | None = None
    """Size of the download, for plans."""
    licence: str | None = Field(default=None, min_length=1)
    """Licence, in the hub's spelling, for cards of exported datasets where the model's own card states none."""
    checksums: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    """SHA-256 of files by their path in the repository, so that any mirror with the same files will do."""


HeadChoice = Literal["text", "seeds", "both", "auto"]


class GuideConfig(PretrainedModel):
    """An image encoder, with a text encoder if it is a CLIP."""

    networks: ClassVar[tuple[str, ...]] = ("image_encoder", "text_encoder")

    kind: Literal["clip", "vision", "timm"] = "clip"
    """clip: CLIP or SigLIP, a transformers model or a diffusers pipeline with both encoders; vision: another image
    encoder of transformers, such as DINOv2; timm: any network of timm. The last two read no class names: their head is
    learned from the seed images."""

    @property
    def files_beside(self) -> tuple[str, ...]:
        own: dict[str, tuple[str, ...]] = {"clip": ("tokenizer", "image_processor"), "vision": ("image_processor",)}
        return own.get(self.kind, ())


def check_head(place: str, head: HeadChoice, name: str, guide: GuideConfig) -> None:
    """Raises ValueError where the guide of this name reads no class names, but `head` needs them."""
    if guide.kind != "clip" and head in ("text", "both"):
        raise ValueError(f"{place}: {head!r} needs a text encoder, which {name!r} has not; allowed: seeds, auto")


class MaeConfig(PretrainedModel):
    """A masked autoencoder."""

    companions: ClassVar[tuple[str, ...]] = ("image_processor",)
    adapts_whole: ClassVar[bool] = True

    kind: Literal["mae"]
    """Kind of generator."""
    decoding: Literal["full", "residual"]
    """full: the reconstruction; residual: the seed image plus the change of the reconstruction."""


class UnclipConfig(PretrainedModel):
    """Kandinsky 2.2's decoder; the guide has to be the CLIP that it was trained with."""

    networks: ClassVar[tuple[str, ...]] = ("unet", "movq")
    companions: ClassVar[tuple[str, ...]] = ("scheduler",)
    embeds: ClassVar[bool] = True

    kind: Literal["unclip"]
    """Kind of generator."""
    image_size: ImageSize
    """Side of its images in pixels."""
    inference_steps: Count
    """Number of denoising steps."""
    guidance_scale: NonNegative
    """Scale of classifier-free guidance; 1: none, in half the time."""


class StableUnclipConfig(PretrainedModel):
    """Stable Diffusion 2.1 conditioned on a CLIP image embedding; the guide has to be that CLIP."""

    networks: ClassVar[tuple[str, ...]] = ("image_encoder", "image_normalizer", "text_encoder", "unet", "vae")
    companions: ClassVar[tuple[str, ...]] = ("tokenizer", "feature_extractor", "scheduler", "image_noising_scheduler")
    embeds: ClassVar[bool] = True

    kind: Literal["stable_unclip"]
    """Kind of generator."""
    image_size: ImageSize
    """Side of its images in pixels."""
    inference_steps: Count
    """Number of denoising steps."""
    guidance_scale: NonNegative
    """Scale of classifier-free guidance; 1: none, in half the time."""
    noise_level: int = Field(ge=0, lt=1000)
    """Noise level of the embedding; more makes variants differ more."""


class StableDiffusionConfig(PretrainedModel):
    """Stable Diffusion 1.x, image to image, with prompts "domain adjective class"."""

    networks: ClassVar[tuple[str, ...]] = ("text_encoder", "unet", "vae")
    companions: ClassVar[tuple[str, ...]] = ("tokenizer", "scheduler")
    adapts_whole: ClassVar[bool] = True

    kind: Literal["stable_diffusion"]
    """Kind of generator."""
    image_size: ImageSize
    """Side of its images in pixels."""
    inference_steps: Count
    """Number of denoising steps."""
    guidance_scale: NonNegative
    """Scale of classifier-free guidance; 1: none, in half the time."""
    strength: Share
    """Fraction of the denoising steps that is applied to the seed image: the more, the less of it is left."""
    rotation: NonNegative
    """Maximum rotation of a seed image, in degrees, before it is encoded."""
    flip: Share
    """Probability that a seed image is mirrored before it is encoded."""
    domains: list[str] = Field(min_length=1)
    """Domains that prompts are sampled from."""
    adjectives: list[str] = Field(min_length=1)
    """Adjectives that prompts are sampled from."""

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
    """Workers that make the shards of expansions and do the training runs."""

    engine: Literal["local", "ray"] = "local"
    """Processes of this machine, or Ray actors of a cluster."""
    count: Count | None = None
    """Number of workers; null: one per GPU, or as many as the CPU cores allow."""
    cpus: Count = 1
    """Threads per worker; small networks on two threads waste half a core."""
    gpus: NonNegative | None = None
    """GPUs per worker of a Ray cluster, may be a fraction; null: one where there are GPUs."""
    address: str | None = None
    """Address of a running Ray cluster: auto, or ray://host:10001; null: start one here."""

    @model_validator(mode="after")
    def only_of_a_cluster(self) -> "WorkersConfig":
        if self.engine == "local" and (self.address is not None or self.gpus is not None):
            raise ValueError("address and gpus are of engine ray; engine local has a worker per GPU")
        return self


class ComputeConfig(Strict):
    """Where networks run, and in which precision."""

    device: str = Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """Device; auto: the GPU if there is one, else the CPU."""
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    """Precision; auto: 16 bits on GPUs, 32 on CPUs."""
    offload: Literal["none", "model", "sequential"]
    """Keep parts of a diffusion pipeline in CPU memory while they are not in use; less GPU memory, slower."""
    deterministic: bool = False
    """true: one thread, deterministic kernels, and no smaller batches when memory runs out (slower), so that results
    are identical bit for bit on this kind of machine, whatever its load."""
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


ONE_WORKER = ComputeConfig(device="cpu", precision="float32", offload="none", workers=WorkersConfig(count=1))
