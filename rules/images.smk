# Images that are no recipe's, from a folder or the hub, as a dataset: splits, size, arrays, rows.


rule build_images:
    input:
        lambda wildcards: images_of("diffusion", wildcards.run),
    output:
        directory(WORK / "images/diffusion/{run}"),
    log:
        "logs/build_images/{run}.log",
    benchmark:
        "logs/benchmarks/build_images/{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        values=lambda wildcards: values_param(run("diffusion", wildcards.run), "images"),
        code=lambda wildcards: code("build_images"),
    message:
        "Build the images of {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/build_images.py --run config/diffusion/{wildcards.run}.toml --out {output:q}"
        " > {log:q} 2>&1"
