# Classifiers: one training for each split or fold and kind of labels, the predictions of each, the published folder.


rule select_classifier:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
    output:
        WORK / "classification/{run}/true/{fold}/selection.json",
    log:
        "logs/select_classifier/{run}/{fold}.log",
    benchmark:
        "logs/benchmarks/select_classifier/{run}/{fold}.tsv"
    threads: lambda wildcards: run("classification", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=720,
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "training", unread_by_fold(wildcards.fold)
        ),
        code=lambda wildcards: code("select_classifier", backbone_modules(wildcards.run)),
        # Not an output: Snakemake wipes outputs, and an interrupted choice goes on from here.
        checkpoints=f"{WORK}/classification/{{run}}/true/{{fold}}/selecting",
    message:
        "Choose a configuration of {wildcards.run}, {wildcards.fold}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/select_classifier.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --fold {wildcards.fold} --work {params.checkpoints:q}"
        " --out {output:q} > {log:q} 2>&1"


rule train_classifier:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        selection=lambda wildcards: selection_of(wildcards.run, wildcards.fold),
    output:
        WORK / "classification/{run}/{labels}/{fold}/model.safetensors",
    log:
        "logs/train_classifier/{run}/{labels}-{fold}.log",
    benchmark:
        "logs/benchmarks/train_classifier/{run}/{labels}-{fold}.tsv"
    threads: lambda wildcards: run("classification", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=720,
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "training", unread_by_fold(wildcards.fold)
        ),
        code=lambda wildcards: code("train_classifier", backbone_modules(wildcards.run)),
        # Not an output: Snakemake wipes outputs, and an interrupted run resumes from here.
        checkpoints=f"{WORK}/classification/{{run}}/{{labels}}/{{fold}}/checkpoints",
        selection=lambda wildcards, input: option("--selection", *input.selection),
    message:
        "Train {wildcards.run} on {wildcards.labels} labels, {wildcards.fold}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/train_classifier.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --labels {wildcards.labels} --fold {wildcards.fold}"
        " {params.selection} --checkpoints {params.checkpoints:q} --out {output:q} > {log:q} 2>&1"


rule predict_classifier:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        model=WORK / "classification/{run}/{labels}/{fold}/model.safetensors",
    output:
        WORK / "classification/{run}/{labels}/{fold}/predictions.csv",
    log:
        "logs/predict_classifier/{run}/{labels}-{fold}.log",
    benchmark:
        "logs/benchmarks/predict_classifier/{run}/{labels}-{fold}.tsv"
    threads: lambda wildcards: run("classification", wildcards.run).training.threads
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("predict_classifier", backbone_modules(wildcards.run)),
    message:
        "Predict with {wildcards.run}, {wildcards.labels} labels, {wildcards.fold}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/predict_classifier.py --run config/classification/{wildcards.run}.toml"
        " --model {input.model:q} --dataset {input.dataset:q} --out {output:q} > {log:q} 2>&1"


rule publish_classifier:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
        model=WORK / "classification/{run}/true/split/model.safetensors",
        metrics=WORK / "classification/{run}/metrics.json",
        figures=WORK / "classification/{run}/figures",
    output:
        directory("results/classification/{run}"),
    log:
        "logs/publish_classifier/{run}.log",
    benchmark:
        "logs/benchmarks/publish_classifier/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        values=lambda wildcards: values_param(recipe_of("classification", wildcards.run), "shards"),
        code=lambda wildcards: code("publish_classifier", heard=("report",)),
        # Its checkpoints are let go.
        work=lambda wildcards, input: Path(input.metrics).parent,
    message:
        "Publish results/classification/{wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/publish_classifier.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --model {input.model:q} --metrics {input.metrics:q}"
        " --figures {input.figures:q} --work {params.work:q} --out {output:q} > {log:q} 2>&1"


rule profile_training:
    input:
        dataset=lambda wildcards: dataset_folder("classification", wildcards.run),
    output:
        report(
            directory("results/training-profile/{run}"),
            patterns=["{figure}.png"],
            caption="report/training_profile.rst",
            category="Classification",
            subcategory="{run}",
            labels={"run": "{run}", "what": "{figure}"},
        ),
    log:
        "logs/profile_training/{run}.log",
    benchmark:
        "logs/benchmarks/profile_training/{run}.tsv"
    threads: lambda wildcards: run("classification", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        values=lambda wildcards: values_param(
            run("classification", wildcards.run), "training", unread_by_fold("split")
        ),
        code=lambda wildcards: code("profile_training", backbone_modules(wildcards.run), ("report",)),
    message:
        "Profile the training of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/profile_training.py --run config/classification/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --out {output:q} > {log:q} 2>&1"
