# What a classifier is worth: baselines, what it looks at, scores, figures; and all runs side by side.


rule fit_baselines:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        predictions=lambda wildcards: predictions_of(wildcards.run),
    output:
        directory(WORK / "classification/{run}/baselines"),
    log:
        "logs/fit_baselines/{run}.log",
    benchmark:
        "logs/benchmarks/fit_baselines/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "evaluation", NOT_OF_BASELINES
        ),
        code=lambda wildcards: code("fit_baselines"),
    message:
        "Fit the baselines of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/fit_baselines.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --predictions {input.predictions:q} --out {output:q} > {log:q} 2>&1"


rule occlude_classification:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        models=lambda wildcards: models_of(wildcards.run),
        predictions=lambda wildcards: predictions_of(wildcards.run),
    output:
        WORK / "classification/{run}/occlusion.json",
    log:
        "logs/occlude_classification/{run}.log",
    benchmark:
        "logs/benchmarks/occlude_classification/{run}.tsv"
    threads: lambda wildcards: run("classification", wildcards.run).training.threads
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "evaluation", NOT_OF_OCCLUSION
        ),
        code=lambda wildcards: code("occlude_classification", backbone_modules(wildcards.run)),
    message:
        "Hide channels and bands from {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/occlude_classification.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --models {input.models:q} --out {output:q} > {log:q} 2>&1"


rule evaluate_classification:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        indexes=lambda wildcards: indexes_of(recipe_of("classification", wildcards.run).name),
        predictions=lambda wildcards: predictions_of(wildcards.run),
        shuffled=lambda wildcards: shuffled_of(wildcards.run),
        baselines=WORK / "classification/{run}/baselines",
        occlusion=lambda wildcards: occlusion_of(wildcards.run),
        selections=lambda wildcards: selections_of(wildcards.run),
        beside=lambda wildcards: beside(wildcards.run),
    output:
        report(
            WORK / "classification/{run}/metrics.json",
            caption="report/classification_metrics.rst",
            category="Classification",
            subcategory="{run}",
            labels={"run": "{run}", "what": "metrics"},
        ),
    log:
        "logs/evaluate_classification/{run}.log",
    benchmark:
        "logs/benchmarks/evaluate_classification/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "evaluation", NOT_OF_SCORES
        ),
        code=lambda wildcards: code("evaluate_classification"),
        shuffled=lambda wildcards: options("--shuffled", shuffled_of(wildcards.run)),
        occlusion=lambda wildcards: option("--occlusion", *occlusion_of(wildcards.run)),
        selections=lambda wildcards: options("--selections", selections_of(wildcards.run)),
        beside=lambda wildcards: options("--beside", beside(wildcards.run)),
    message:
        "Evaluate {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/evaluate_classification.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --indexes {input.indexes:q} --predictions {input.predictions:q}"
        " {params.shuffled} --baselines {input.baselines:q} {params.occlusion} {params.selections} {params.beside}"
        " --out {output:q} > {log:q} 2>&1"


rule plot_classification:
    input:
        metrics=WORK / "classification/{run}/metrics.json",
    output:
        report(
            directory(WORK / "classification/{run}/figures"),
            patterns=["{figure}.png"],
            caption="report/classification_figures.rst",
            category="Classification",
            subcategory="{run}",
            labels={"run": "{run}", "what": "{figure}"},
        ),
    log:
        "logs/plot_classification/{run}.log",
    benchmark:
        "logs/benchmarks/plot_classification/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code("plot_classification", heard=("report",)),
        # Not an input: trainings append to them over several attempts.
        stats=lambda wildcards: options("--stats", stats_of(wildcards.run)),
    message:
        "Draw the figures of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/plot_classification.py --metrics {input.metrics:q} {params.stats}"
        " --out {output:q} > {log:q} 2>&1"


rule summarise_classification:
    input:
        lambda wildcards: built_runs("classification"),
    output:
        report(
            directory("results/classification-summary"),
            patterns=["{name}.png", "{name}.csv"],
            caption="report/classification_summary.rst",
            category="Classification",
            subcategory="all runs",
            labels={"run": "all", "what": "{name}"},
        ),
    log:
        "logs/summarise_classification.log",
    benchmark:
        "logs/benchmarks/summarise_classification.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code("summarise_classification", heard=("report",)),
    message:
        "Set all classification runs side by side"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/summarise_classification.py --runs {input:q} --out {output:q} > {log:q} 2>&1"
