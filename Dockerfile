# dpdeblur with Ray, for one machine or each machine of a cluster; docs/cluster.md says how to use it.
#
#   docker build -t deblur .
#
# On x86-64 this takes PyTorch as Python's package index has it: it runs on CUDA GPUs and on the CPU.
# An image for the CPU alone is several gigabytes smaller; for that, name PyTorch's index for the CPU:
#
#   docker build -t deblur:cpu --build-arg TORCH_INDEX=ADDRESS .
FROM python:3.11-slim

ARG TORCH_INDEX=""

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
