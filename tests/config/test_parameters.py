from copy import deepcopy
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from guided_imagination.config import Parameters, check
from guided_imagination.config.guidance import Criteria
from guided_imagination.settings import CONFIG_LOADER_ARGS
from guided_imagination.training.recipe import updates
from guided_imagination.utils.errors import InputError

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def shipped():
    """The parameter tree of conf/base as Kedro reads it."""
    arguments = {**CONFIG_LOADER_ARGS, "default_run_env": "base"}
    return OmegaConfigLoader(conf_source=str(CONF), **arguments)["parameters"]


@pytest.fixture(scope="module")
def paper():
    """The parameters of conf/paper over conf/base."""
    return check(OmegaConfigLoader(conf_source=str(CONF), env="paper", **CONFIG_LOADER_ARGS)["parameters"])


SOFT = {"weight": 0.5, "temperature": 2}


def changed(tree, place, value):
    """A copy of the tree with another value at "a.b.c"; None removes the key."""
    tree = deepcopy(tree)
    *path, last = place.split(".")
    node = tree
    for key in path:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return tree


def refusal(tree):
    with pytest.raises(InputError) as caught:
        check(tree)
    return str(caught.value)


def test_the_shipped_parameters_are_valid(shipped):
    parameters = check(shipped)
    assert isinstance(parameters, Parameters)
    assert parameters.ratio == shipped["ratio"]


def test_embedded_models_and_images_lie_in_the_package(shipped):
    package = Path(__file__).parents[2] / "src" / "guided_imagination"
    assert Path(shipped["guides"]["embedded_clip"]["model"]) == package / "embedded" / "fashion" / "clip"
    assert Path(shipped["dataset_specs"]["fashion"]["source"]["train"]).is_file()


@pytest.mark.parametrize(
    ("place", "value", "named", "allowed"),
    [
        ("speed", 1, "speed", ["ratio", "overwrite", "expand_mae"]),
        ("expand_mae.epsilon", 1, "expand_mae.epsilon", ["eps", "steps", "redraws"]),
        ("generators.mae_base.decoder", 1, "generators.mae_base.decoder", ["model", "decoding"]),
        ("guides.siglip.templates", [], "guides.siglip.templates", ["model", "revision"]),
        ("dataset_specs.fashion.source.folder", "x", "dataset_specs.fashion.source.folder", ["train", "test"]),
        ("methods.mae.guide", True, "methods.mae.guide", ["pipeline", "guided"]),
        ("pretrain.domains.fashion.mae.stepz", 1, "pretrain.domains.fashion.mae.stepz", ["steps", "batch_size"]),
        ("recipes.matched.momentum", 0.9, "recipes.matched.momentum", ["learning_rate", "weight_decay"]),
        ("datasets", ["mnist"], "datasets: 'mnist'", ["fashion"]),
        ("train.architectures", ["vgg"], "train.architectures: 'vgg'", ["resnet50", "mobilenet_v2"]),
        ("train.recipes", ["best"], "train.recipes: 'best'", ["matched", "paper"]),
        ("train.recipe", "matched", "train.recipe is not a known key", ["recipes", "ratios"]),
        ("train.guide", "vgg", "train.guide: 'vgg'", ["embedded_clip", "siglip"]),
        ("train.zero_shot", "embedded_clip", "train.zero_shot", ["train.guide", "train.references"]),
        ("train.references.other", {"guide": "vgg"}, "train.references.other.guide: 'vgg'", ["embedded_clip"]),
        ("train.references.other", {"head": "best"}, "train.references.other.head = 'best'", ["text", "seeds", "auto"]),
        ("train.teacher", "vgg", "train.teacher: 'vgg'", ["clip_zero_shot", "clip_few_shot"]),
        ("expand_dalle.head", "best", "expand_dalle.head = 'best'", ["text", "seeds", "both", "auto"]),
        ("audit.head", "best", "audit.head = 'best'", ["text", "seeds", "both", "auto"]),
        ("guides.embedded_clip.kind", "timm", "expand_mae.head: 'text' needs a text encoder", ["seeds", "auto"]),
        ("train.ratios", [1, 6], "train.ratios", ["fashion", "5"]),
        ("tune.recipe", "best", "tune.recipe: 'best'", ["matched", "paper"]),
        ("methods.original.recipe", {"mixup": -1}, "methods.original.recipe.mixup", ["greater than or equal to 0"]),
        ("methods.original.recipe", {"cutmixx": 1}, "methods.original.recipe.cutmixx", ["not permitted"]),
        ("recipes.paper.randaugment", "strong", "recipes.paper.randaugment = 'strong'", ["rand"]),
        ("expand_dalle.generator", "gan", "expand_dalle.generator: 'gan'", ["kandinsky", "stable_unclip"]),
        ("expand_sd.guide", "vgg", "expand_sd.guide: 'vgg'", ["clip_base", "siglip"]),
        ("compute.device", "tpu", "compute.device = 'tpu'", ["auto", "cuda"]),
        ("expand_dalle.criteria", "best", "expand_dalle.criteria: 'best'", ["paper", "corrected"]),
        (
            "criteria_sets.paper.weights.sharpness",
            1,
            "criteria_sets.paper.weights.sharpness",
            ["consistency", "entropy", "diversity"],
        ),
        ("criteria_sets.paper.hold", "seed", "criteria_sets.paper.hold = 'seed'", ["prediction", "label"]),
        (
            "methods.mae.pipeline",
            "expand_gan",
            "methods.mae.pipeline = 'expand_gan'",
            ["augment_baselines", "expand_mae", "expand_dalle"],
        ),
        ("generators.mae_base.decoding", "half", "generators.mae_base.decoding = 'half'", ["full", "residual"]),
        ("generators.mae_base.kind", "gan", "generators.mae_base", ["mae", "unclip", "stable_diffusion"]),
        ("expand_mae.rejected", "hide", "expand_mae.rejected = 'hide'", ["drop", "keep"]),
        ("ratio", 0, "ratio = 0", ["greater than or equal to 1"]),
        ("expand_mae.eps", -1, "expand_mae.eps = -1", ["greater than or equal to 0"]),
        ("augment_baselines.gridmask.keep", 1.5, "augment_baselines.gridmask.keep = 1.5", ["less than or equal to 1"]),
        ("recipes.matched.epochs", 5, "recipes.matched", ["exactly one of updates, passes and epochs"]),
        ("recipes.matched.passes", None, "recipes.matched", ["exactly one of updates, passes and epochs"]),
        ("expand_mae.eps", None, "expand_mae.eps", ["missing"]),
        ("criteria_sets.paper.weights", {}, "criteria_sets.paper.weights", ["at least 1"]),
        ("report.weed_methods", ["gan"], "report.weed_methods: 'gan'", ["gif_dalle", "cutout"]),
        ("report.weed_images", -1, "report.weed_images = -1", ["greater than or equal to 0"]),
        ("dataset_specs.fashion.weed", [1], "dataset_specs.fashion.weed.0", ["string"]),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(shipped, place, value, named, allowed):
    message = refusal(changed(shipped, place, value))
    assert message.startswith(f"parameters: {named}")
    for word in allowed:
        assert word in message


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (
            "compute.workers.share",
            "1/4",
            "compute.workers.share is gone: remove the key, and run one row per job with --namespaces DATASET.METHOD, "
            "or set compute.workers.engine to ray",
        ),
        ("compute.attention_slicing", False, "compute.attention_slicing is gone: remove the key, "),
        ("expand_dalle.selection.by", "greedy", "expand_dalle.selection.by is gone: remove the key, selection is "),
        (
            "dataset_specs.fashion.overrides",
            {"expand_dalle": {"selection": {"by": "dpp"}}},
            "dataset_specs.fashion.overrides: selection.by is gone: remove the key, selection is always greedy",
        ),
        (
            "methods.own",
            {"pipeline": "expand_dalle", "settings": {"selection": {"by": "dpp"}}},
            "methods.own.settings: selection.by is gone: remove the key, ",
        ),
        (
            "presets.own",
            {"resolution": 32, "pipelines": {"expand_dalle": {"selection": {"by": "dpp"}}}},
            "presets.own.pipelines: selection.by is gone: remove the key, ",
        ),
    ],
)
def test_a_key_of_an_earlier_version_is_refused_with_what_to_do(shipped, place, value, sentence):
    assert refusal(changed(shipped, place, value)).startswith(f"parameters: {sentence}")


def test_what_an_override_makes_impossible_as_a_whole_is_told_with_its_place(shipped):
    message = refusal(changed(shipped, "dataset_specs.fashion.overrides", {"expand_dalle": {"manifold": None}}))
    assert message.startswith("parameters: dataset_specs.fashion.overrides: perturbation: manifold needs the settings")


def test_a_dataset_overrides_settings_for_itself_alone(shipped):
    tree = changed(shipped, "datasets", ["fashion", "moths"])
    overrides = {"expand_sd": {"eps": 4}, "generators": {"stable_diffusion": {"strength": 0.5}}}
    tree["dataset_specs"]["moths"] = {**tree["dataset_specs"]["fashion"], "overrides": overrides}
    own, common = (check(tree).expander(dataset, "expand_sd") for dataset in ("moths", "fashion"))
    assert (own.config.eps, own.generator.strength) == (4, 0.5)
    assert (common.config.eps, common.generator.strength) == (0.8, 0.9)
    assert own.config.step_size == common.config.step_size


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"expand_sd": {"radius": 4}}, "dataset_specs.fashion.overrides: radius: Extra inputs are not permitted"),
        ({"expand_sd": {"eps": -4}}, "eps: Input should be greater than or equal to 0"),
        ({"generators": {"stable_diffusion": {"strength": 2}}}, "strength: Input should be less than or equal to 1"),
        ({"expand_sd": {"guide": "vgg"}}, "expand_sd.guide: 'vgg' is not known; allowed: embedded_clip"),
    ],
)
def test_a_wrong_override_is_refused(shipped, overrides, sentence):
    assert sentence in refusal(changed(shipped, "dataset_specs.fashion.overrides", overrides))


def test_a_row_may_change_settings_for_itself_alone(shipped):
    narrow = {"pipeline": "expand_dalle", "guided": True, "settings": {"eps": 0.01, "criteria": "paper"}}
    parameters = check(changed(shipped, "methods.narrow", narrow))
    row, other = (parameters.expander("fashion", "expand_dalle", name) for name in ("narrow", "gif_dalle"))
    assert (row.config.eps, row.criteria) == (0.01, parameters.criteria_sets["paper"])
    assert (other.config.eps, other.criteria) == (1.6, parameters.criteria_sets["corrected"])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"pipeline": "expand_dalle", "settings": {"epsilon": 1}}, "methods.own.settings: epsilon: Extra inputs"),
        ({"settings": {"eps": 1}}, "methods.own: only rows of expand_mae"),
    ],
)
def test_wrong_settings_of_a_row_are_refused(shipped, row, sentence):
    assert sentence in refusal({**shipped, "methods": {**shipped["methods"], "own": row}})


@pytest.mark.parametrize(
    "template", ["a photo", "a {} of {}", "a {", "a }", "a {} {", "a {name}", "a {0}", "a {:5}", "a {!r}", "a {{}}", ""]
)
def test_a_template_without_one_place_for_the_name_is_refused(shipped, template):
    message = refusal(changed(shipped, "dataset_specs.fashion.templates", ["a photo of a {}.", template]))
    assert message.startswith("parameters: dataset_specs.fashion.templates.1")
    assert f"{template!r} must hold {{}} exactly once" in message


def test_a_template_with_doubled_braces_is_taken(shipped):
    tree = changed(shipped, "dataset_specs.fashion.templates", ["a {{photo}} of a {}."])
    assert check(tree).dataset_specs["fashion"].templates[0].format("cat") == "a {photo} of a cat."


def test_a_single_dataset_needs_no_brackets(shipped):
    assert check({**shipped, "datasets": "fashion"}).datasets == ["fashion"]


def test_a_baseline_without_settings_is_refused(shipped):
    message = refusal(changed(shipped, "methods.mixup", {"pipeline": "augment_baselines"}))
    assert "methods: 'mixup'" in message
    assert "cutout, gridmask, randaugment" in message


def test_several_mistakes_are_told_at_once(shipped):
    message = refusal(changed(changed(shipped, "ratio", 0), "draws", [-1]))
    assert "ratio = 0" in message
    assert "draws.0 = -1" in message


def test_unguided_is_guided_with_zero_steps(shipped):
    config = check(shipped).expand_mae
    free = Criteria(hold="label", weights={"entropy": 1}, logit_scale=1, temperature=1, gradient="straight_through")
    guided, unguided = config.guidance(free, True), config.guidance(free, False)
    assert guided.steps == config.steps > 0
    assert guided.step_size == config.step_size
    assert unguided == guided.model_copy(update={"steps": 0})


def test_a_criteria_set_may_fix_steps_and_step_size(shipped):
    parameters = check(shipped)
    fixed = parameters.expand_mae.guidance(parameters.criteria_sets["paper"], True)
    assert (fixed.steps, fixed.step_size) == (1, 0.1)  # as the paper's code takes them


def test_a_pair_to_compare_names_rows_and_those_that_an_environment_leaves_out(shipped):
    message = refusal(changed(shipped, "report.compare", [["gif_dalle", "randaugment"], ["gif_dale", "dalle"]]))
    assert message.startswith("parameters: report.compare: 'gif_dale' is not known; allowed: original, cutout")
    without = {name: None if name == "randaugment" else row for name, row in shipped["methods"].items()}
    check({**shipped, "methods": without})


@pytest.mark.parametrize(
    ("place", "name", "sentence"),
    [
        (
            "dataset_specs",
            "my.birds",
            "dataset_specs: 'my.birds' is not a valid name; allowed: letters, digits, _ and -",
        ),
        ("dataset_specs", "a/b", "dataset_specs: 'a/b' is not a valid name"),
        ("dataset_specs", "report", "dataset_specs: 'report' is reserved"),
        ("methods", "gif.dalle", "methods: 'gif.dalle' is not a valid name"),
        ("methods", "tune", "methods: 'tune' is reserved"),
    ],
)
def test_names_that_would_be_mistaken_for_something_else_are_refused(shipped, place, name, sentence):
    own = shipped["dataset_specs"]["fashion"] if place == "dataset_specs" else {}
    tree = {**shipped, place: {**shipped[place], name: own}}
    if place == "dataset_specs":
        tree["datasets"] = [name]
    assert refusal(tree).startswith(f"parameters: {sentence}")


def test_matched_trains_fashion_for_300_updates(shipped):
    """What every number of the README was measured with: 10 x 10 seeds and 5 variants of each, batches of 64."""
    settings = check(shipped).row("fashion", "original")
    largest = 10 * settings.spec.seeds_per_class * (1 + settings.training.largest_ratio)
    recipe = settings.training.recipes["resnet10_small"]["matched"]
    assert (recipe.resolved(largest).updates, recipe.batch_size) == (300, 64)


def test_rows_of_the_paper_are_matched_at_the_length_of_its_largest(paper):
    pets = 3694 * (1 + paper.row("pets", "original").training.largest_ratio)
    for recipe in (paper.recipes["paper"], paper.recipes["matched"].resolved(pets)):
        assert updates(recipe, pets) * recipe.batch_size / pets == pytest.approx(100, rel=1e-3)
    assert (paper.recipes["paper"].nesterov, paper.recipes["matched"].nesterov) == (False, True)


def test_every_dataset_has_validation_images_and_the_papers_numbers(paper):
    """Seeds and validation images together are the paper's seeds where validation images come from the seeds' pool."""
    specs = paper.dataset_specs
    assert all(specs[name].validation_per_class for name in paper.datasets)
    flowers, pets = specs["flowers"], specs["pets"]
    assert flowers.seeds_total + 102 * flowers.validation_per_class == 6552
    assert pets.seeds_total + 37 * pets.validation_per_class == 3842
    assert specs["caltech101"].seeds_per_class + specs["caltech101"].validation_per_class == 30


def test_a_row_changes_its_recipes_and_no_other(shipped):
    rows = {**shipped["methods"], "mixup": {"recipe": {"mixup": 0.2}}}
    parameters = check({**shipped, "methods": rows})
    own, other = (
        parameters.row("fashion", name).training.recipes["resnet10_small"]["matched"] for name in ("mixup", "original")
    )
    assert (own.mixup, other.mixup) == (0.2, 0)
    assert own.overridden({"mixup": 0}) == other


def test_a_row_is_told_what_is_resolved(shipped):
    """Ratio decided, presets looked up, a dataset's overrides before those of the row."""
    spec = {**shipped["dataset_specs"]["fashion"], "ratio": 7, "overrides": {"expand_dalle": {"eps": 0.3, "steps": 9}}}
    specs = {**shipped["dataset_specs"], "moths": spec}
    rows = {**shipped["methods"], "narrow": {"pipeline": "expand_dalle", "settings": {"eps": 0.05}}}
    parameters = check({**shipped, "datasets": ["moths"], "ratio": None, "dataset_specs": specs, "methods": rows})
    row = parameters.row("moths", "narrow")
    assert (row.ratio, row.guided, row.expander.config.eps, row.expander.config.steps) == (7, False, 0.05, 9)
    assert row.expander.guide.model == shipped["guides"]["embedded_clip"]["model"]
    assert parameters.row("moths", "original").ratio == 0
    assert parameters.row("moths", "cutout").augmentation.length == 0.5
    assert {"moths", "moths.narrow", "moths.original"} <= set(parameters.settings)


@pytest.mark.parametrize(
    ("written", "meant"), [(3, [3]), ("3", [3]), ("0-3", [0, 1, 2, 3]), ("0 5-6", [0, 5, 6]), ([2, 1], [2, 1])]
)
def test_draws_are_numbers_or_ranges(shipped, written, meant):
    assert check(changed(shipped, "draws", written)).draws == meant


@pytest.mark.parametrize("wrong", ["a", "1..3", [1, 1], [], -1, "3-1"])
def test_other_draws_are_refused(shipped, wrong):
    assert "draws" in refusal(changed(shipped, "draws", wrong))


def test_each_draw_has_a_place_of_its_own_and_draw_0_the_dataset_s_name(shipped):
    parameters = check(changed(shipped, "draws", "0-1"))
    assert list(parameters.places) == ["fashion", "fashion_draw1"]
    assert parameters.row("fashion_draw1", "gif_dalle").draw == 1
    assert {name.split(".")[0] for name in parameters.settings} == {"fashion", "fashion_draw1"}


def test_a_dataset_is_not_called_like_a_draw(shipped):
    specs = {**shipped["dataset_specs"], "birds_draw2": shipped["dataset_specs"]["fashion"]}
    assert "'birds_draw2' ends like the name of a draw" in refusal(changed(shipped, "dataset_specs", specs))


def test_several_datasets_are_named_in_one_word_each(shipped):
    assert check(changed(shipped, "datasets", "fashion pets")).datasets == ["fashion", "pets"]


@pytest.mark.parametrize("change", [("perturbation", "manifold"), ("selection", "like expand_dalle")])
def test_what_needs_an_embedding_is_refused_for_other_generators(shipped, change):
    key, value = change
    tree = changed(shipped, "expand_mae.manifold", shipped["expand_dalle"]["manifold"])
    tree = changed(tree, f"expand_mae.{key}", shipped["expand_dalle"][key] if key == "selection" else value)
    message = refusal(tree)
    assert "expand_mae: 'embedded_mae' decodes no CLIP embeddings" in message
    assert "allowed: perturbation ball, selection null" in message


def test_the_manifold_needs_its_settings(shipped):
    assert "needs the settings of `manifold`" in refusal(changed(shipped, "expand_dalle.manifold", None))


def test_unguided_is_neither_ascent_nor_selection_but_the_same_perturbation(shipped):
    parameters = check(shipped)
    guided, unguided = (
        row.expander.config.guidance(row.expander.criteria, row.guided)
        for row in (parameters.row("fashion", name) for name in ("gif_dalle", "dalle"))
    )
    assert guided.steps > 0 and guided.selection is not None
    assert unguided.steps == 0 and unguided.selection is None
    assert unguided.manifold == guided.manifold


@pytest.mark.parametrize("name", ["augmentation", "filtered_by"])
def test_only_baselines_are_augmentations_that_a_guide_filters(shipped, name):
    value = {"augmentation": "cutout", "filtered_by": "expand_dalle"}[name]
    tree = changed(shipped, "methods.dalle", {"pipeline": "expand_dalle", name: value})
    assert "methods.dalle: only rows of augment_baselines" in refusal(tree)


def test_a_filtered_baseline_knows_its_guide(shipped):
    method = {"pipeline": "augment_baselines", "augmentation": "cutout", "filtered_by": "expand_dalle"}
    row = check(changed(shipped, "methods.kept", method)).row("fashion", "kept")
    assert row.augmentation.kind == "cutout"
    assert row.filtered_by == check(shipped).expander("fashion", "expand_dalle")


def test_soft_labels_need_a_teacher(shipped):
    tree = changed(changed(shipped, "train.recipes", ["soft"]), "train.teacher", None)
    assert "train.teacher: a recipe has soft_labels" in refusal(tree)


def test_ratios_are_words_too_but_none_of_them_is_zero(shipped):
    assert check(changed(shipped, "train.ratios", "1 2 5")).train.ratios == [1, 2, 5]
    assert "train.ratios.1 = 0" in refusal(changed(shipped, "train.ratios", "1 0"))


@pytest.mark.parametrize("name", ["toys", "my org/toys", "org/a/b", "org/to--ys", "org/toys.git", "org/{row}", "org/{"])
def test_a_wrong_repository_is_refused_before_any_work(shipped, name):
    message = refusal(changed(shipped, "export.push_to_hub", name))
    assert f"export.push_to_hub = {name!r}: not a repository name; allowed: ORG/NAME" in message


def test_a_repository_holds_one_expansion(shipped):
    one = changed(shipped, "export", {**shipped["export"], "push_to_hub": "org/toys", "methods": ["gif_mae"]})
    assert check(one).export.repository("fashion", "gif_mae") == "org/toys"
    assert "would be the repository of 2 expansions (fashion.gif_mae, fashion_draw1.gif_mae)" in (
        refusal({**one, "draws": [0, 1]})
    )
    each = check({**changed(one, "export.push_to_hub", "org/{dataset}-{method}"), "draws": [0, 1]}).export
    assert each.repository("fashion_draw1", "gif_mae") == "org/fashion_draw1-gif_mae"


def test_what_is_pushed_has_to_be_exported(shipped):
    tree = changed(shipped, "export", {**shipped["export"], "push_to_hub": "org/toys", "formats": ["imagefolder"]})
    assert "push_to_hub needs the format huggingface: add it to formats" in refusal(tree)


def test_pushes_are_private_unless_asked_otherwise(shipped):
    assert check(shipped).export.private
    assert not check(shipped).export.dry_run
    assert check(shipped).export.repository("fashion", "gif_mae") is None


def test_tune_searches_the_recipe_that_rows_train_with(paper):
    parameters = check(
        {**paper.model_dump(), "tune": {**paper.tune.model_dump(), "recipe": "paper"}, "datasets": ["caltech101"]}
    )
    place = parameters.dataset("caltech101")
    trained = place.training.recipes["resnet50"]["paper"]
    assert place.tune_recipe == trained
    assert trained.grayscale


def test_what_a_row_asks_for_is_not_tuned_away(shipped):
    rows = {**shipped["methods"], "slow": {"recipe": {"learning_rate": 0.001}}}
    parameters = check({**shipped, "methods": rows})
    chosen = {"resnet10_small": {"matched": {"learning_rate": 0.3, "weight_decay": 0.01}}}
    slow, other = (
        parameters.row("fashion", name).training.tuned(chosen).recipes["resnet10_small"]["matched"]
        for name in ("slow", "original")
    )
    assert (slow.learning_rate, slow.weight_decay) == (0.001, 0.01)
    assert (other.learning_rate, other.weight_decay) == (0.3, 0.01)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train.tuned": True, "train.recipes": ["paper"]}, "'matched' is not in train.recipes, so that train.tuned"),
        ({"tune.recipe": "soft"}, "tune.recipe: 'soft' needs a teacher for its soft labels"),
        (
            {
                "dataset_specs.fashion.overrides": {
                    "recipes": {"matched": {"soft_labels": {"weight": 1, "temperature": 1}}}
                }
            },
            "tune.recipe: 'matched' needs a teacher for its soft labels",
        ),
        ({"tune.recipe": "finetune"}, "tune.recipe: 'finetune' begins from pre-trained weights"),
        ({"train.recipes": ["matched", "matched"]}, "'matched' is listed more than once"),
        ({"datasets": "fashion blood fashion"}, "'fashion' is listed more than once"),
        (
            {"methods.cutout.recipe": {"pretrained": True}},
            "begins from pre-trained weights, but architectures.resnet10",
        ),
        (
            {"dataset_specs.fashion.overrides": {"recipes": {"matched": {"pretrained": True}}}},
            "begins from pre-trained weights, but architectures.resnet10",
        ),
    ],
)
def test_trainings_that_would_fail_or_count_twice_are_refused(shipped, changes, sentence):
    for place, value in changes.items():
        shipped = changed(shipped, place, value)
    assert sentence in refusal(shipped)
