# What a job finds on the cluster: `make slurm-check`. One probe as CPU rules are sent, one as GPU rules are.

for kind in ("cpu", "gpu"):

    rule:
        name:
            f"{kind}_probe"
        output:
            f"logs/probe/{kind}.txt",
        log:
            f"logs/probe/{kind}.log",
        benchmark:
            f"logs/benchmarks/probe/{kind}.tsv"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=growing(5),
        message:
            "See what a job finds where it runs"
        conda:
            "../envs/training.yaml"
        shell:
            "exec python scripts/probe.py --out {output:q} > {log:q} 2>&1"
