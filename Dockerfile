# dpdeblur with Ray, for one machine or each machine of a cluster; docs/cluster.md says how to use it.
#
#   docker build -t deblur .
#
# That is for the CPU. For CUDA GPUs, on x86-64, take PyTorch from Python's package index instead,
# or name another of PyTorch's indexes:
#
#   docker build -t deblur:cuda --build-arg TORCH_INDEX= .
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/dpdeblur
COPY constraints.txt ./
# Of one version, pip takes the build that has a name, such as 2.13.0+cpu, wherever it lies.
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    -c constraints.txt torch
COPY pyproject.toml README.md LICENSE ./
COPY dpdeblur dpdeblur
COPY weights weights
RUN pip install --no-cache-dir -c constraints.txt ".[ray]" && dpdeblur --version

# So that it works for any user: docker run --user "$(id -u):$(id -g)" ...
ENV HOME=/tmp RAY_USAGE_STATS_ENABLED=0
WORKDIR /photos
ENTRYPOINT ["dpdeblur"]
CMD ["--help"]
