# The one folder that a user has to look at: model, samples, metrics, figures, card.


rule publish_diffusion:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        encoder=lambda wildcards: text_encoder(wildcards.run)[0],
        vae=lambda wildcards: vae(wildcards.run)[0],
        model=WORK / "diffusion/{run}/model.safetensors",
        synthetic=WORK / "diffusion/{run}/synthetic",
        metrics=WORK / "diffusion/{run}/metrics.json",
        figures=WORK / "diffusion/{run}/figures",
    output:
        directory("results/diffusion/{run}"),
    log:
        "logs/publish_diffusion/{run}.log",
    benchmark:
        "logs/benchmarks/publish_diffusion/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        code=lambda wildcards: code("publish_diffusion", heard=("report",)),
        view=lambda wildcards: view_values(wildcards.run),
        encoder=lambda wildcards: option("--encoder", text_encoder(wildcards.run)[1]),
        vae=lambda wildcards: option("--vae", vae(wildcards.run)[1]),
        checkpoints=f"{WORK}/diffusion/{{run}}/checkpoints",
    message:
        "Publish results/diffusion/{wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/publish_diffusion.py --run config/diffusion/{wildcards.run}.toml"
        " --dataset {input.dataset:q} {params.encoder} {params.vae} --model {input.model:q}"
        " --synthetic {input.synthetic:q} --metrics {input.metrics:q} --figures {input.figures:q}"
        " --checkpoints {params.checkpoints:q} --out {output:q} > {log:q} 2>&1"
