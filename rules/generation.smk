# Synthetic datasets with the reference's labels: of the trained model, and of the untrained one as a baseline.


rule generate:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        captions=lambda wildcards: captions_of(wildcards.run),
        latents=lambda wildcards: latents_of(wildcards.run),
        encoder=lambda wildcards: trained_encoder(wildcards.run)[0],
        model=WORK / "diffusion/{run}/model.safetensors",
    output:
        directory(WORK / "diffusion/{run}/{which}"),
    log:
        "logs/generate/{run}-{which}.log",
    benchmark:
        "logs/benchmarks/generate/{run}-{which}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "generation"),
        code=lambda wildcards: code("generate", model_modules(wildcards.run)),
        captions=lambda wildcards: option("--captions", *captions_of(wildcards.run)),
        latents=lambda wildcards: option("--latents", *latents_of(wildcards.run)),
        vae=lambda wildcards: option("--vae", vae(wildcards.run)[1]),
        encoder=lambda wildcards: option("--encoder", trained_encoder(wildcards.run)[1]),
        untrained=lambda wildcards: "--untrained" if wildcards.which == "untrained" else "",
    message:
        "Generate the {wildcards.which} set of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/generate.py --run config/diffusion/{wildcards.run}.toml"
        " --model {input.model:q} --dataset {input.dataset:q} {params.captions} {params.latents}"
        " {params.vae} {params.encoder} {params.untrained}"
        " --out {output:q} > {log:q} 2>&1"
