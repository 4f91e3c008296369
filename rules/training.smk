# Captions once through the text encoders, images once through the VAE, then the diffusion model itself.


rule encode_captions:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        encoder=lambda wildcards: text_encoder(wildcards.run)[0],
    output:
        WORK / "diffusion/{run}/captions.safetensors",
    log:
        "logs/encode_captions/{run}.log",
    benchmark:
        "logs/benchmarks/encode_captions/{run}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "captions"),
        code=lambda wildcards: code("encode_captions"),
        encoder=lambda wildcards: text_encoder(wildcards.run)[1],
    message:
        "Encode the captions of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/encode_captions.py --run config/diffusion/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --encoder {params.encoder:q} --out {output:q} > {log:q} 2>&1"


rule encode_latents:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        vae=lambda wildcards: vae(wildcards.run)[0],
    output:
        directory(WORK / "diffusion/{run}/latents"),
    log:
        "logs/encode_latents/{run}.log",
    benchmark:
        "logs/benchmarks/encode_latents/{run}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "latents"),
        code=lambda wildcards: code("encode_latents"),
        vae=lambda wildcards: vae(wildcards.run)[1],
    message:
        "Encode the images of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/encode_latents.py --dataset {input.dataset:q} --vae {params.vae:q}"
        " --out {output:q} > {log:q} 2>&1"


rule train_diffusion:
    input:
        dataset=lambda wildcards: dataset_folder("diffusion", wildcards.run),
        captions=lambda wildcards: captions_of(wildcards.run),
        latents=lambda wildcards: latents_of(wildcards.run),
        encoder=lambda wildcards: trained_encoder(wildcards.run)[0],
    output:
        WORK / "diffusion/{run}/model.safetensors",
    log:
        "logs/train_diffusion/{run}.log",
    benchmark:
        "logs/benchmarks/train_diffusion/{run}.tsv"
    threads: lambda wildcards: run("diffusion", wildcards.run).training.threads
    resources:
        mem_mb=growing(8000),
        runtime=1440,
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "training"),
        code=lambda wildcards: code("train_diffusion", model_modules(wildcards.run)),
        captions=lambda wildcards: option("--captions", *captions_of(wildcards.run)),
        latents=lambda wildcards: option("--latents", *latents_of(wildcards.run)),
        vae=lambda wildcards: option("--vae", vae(wildcards.run)[1]),
        encoder=lambda wildcards: option("--encoder", trained_encoder(wildcards.run)[1]),
        # Not an output: Snakemake wipes outputs, and an interrupted run resumes from here.
        checkpoints=f"{WORK}/diffusion/{{run}}/checkpoints",
    message:
        "Train {wildcards.run}; follow it with: python scripts/status.py"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/train_diffusion.py --run config/diffusion/{wildcards.run}.toml"
        " --dataset {input.dataset:q} {params.captions} {params.latents} {params.vae} {params.encoder}"
        " --checkpoints {params.checkpoints:q}"
        " --out {output:q} > {log:q} 2>&1"
