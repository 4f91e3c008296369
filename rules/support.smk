# Small models that other runs need: text encoders for captions, an encoder whose features are compared.


rule support:
    input:
        dataset=lambda wildcards: dataset_folder("support", wildcards.run),
    output:
        directory("results/support/{run}"),
    log:
        "logs/support/{run}.log",
    benchmark:
        "logs/benchmarks/support/{run}.tsv"
    threads: lambda wildcards: run("support", wildcards.run).training.threads
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        values=lambda wildcards: values_param(run("support", wildcards.run), "support"),
        code=lambda wildcards: code(support_script(wildcards)),
        script=support_script,
    message:
        "Train the support model {wildcards.run}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/{params.script}.py --run config/support/{wildcards.run}.toml"
        " --dataset {input.dataset:q} --out {output:q} > {log:q} 2>&1"
