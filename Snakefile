# From raw recordings to published runs. A TOML file is a target: config/diffusion/NAME.toml makes
# results/diffusion/NAME/, config/dataset/NAME.toml makes results/dataset/NAME-REPRESENTATION/.


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/of_recordings.smk"
include: "rules/of_diffusion.smk"
include: "rules/of_classification.smk"
include: "rules/survival.smk"
include: "rules/download.smk"
include: "rules/index.smk"
include: "rules/shards.smk"
include: "rules/dataset.smk"
include: "rules/db_range.smk"
include: "rules/data_page.smk"
include: "rules/images.smk"
include: "rules/support.smk"
include: "rules/training.smk"
include: "rules/generation.smk"
include: "rules/evaluation.smk"
include: "rules/publish.smk"
include: "rules/synthetic.smk"
include: "rules/calls.smk"
include: "rules/diffusion_summary.smk"
include: "rules/model_costs.smk"
include: "rules/overview.smk"
include: "rules/classification.smk"
include: "rules/classification_evaluation.smk"
include: "rules/probe.smk"


rule all:
    default_target: True
    input:
        "results/diffusion/demo",
        "results/report/diffusion/demo",
        "results/recordings/demo-db-only",
