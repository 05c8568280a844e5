# The image of stepwise, from source: `podman build .`, or a BuildConfig of OpenShift. `make image` compiles on this machine,
# builds the stage `ready` of that, and says in the labels of which commit it is.
ARG BASE=registry.access.redhat.com/ubi9/ubi-minimal:9.6
ARG BUILDER=docker.io/library/rust:1.95-bookworm

# All but the files. No shell is needed for it, so that `scratch` is a base too.
FROM ${BASE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
ARG DESCRIPTION="Takes a machine-learning model from a commit to a verified deployment on IBM Cloud Pak for Data"
# After those of OCI the names that UBI has, which would else still describe UBI.
LABEL org.opencontainers.image.title="stepwise" \
      org.opencontainers.image.description="${DESCRIPTION}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      name="stepwise" \
      version="${VERSION}" \
      release="1" \
      summary="Takes a model from a commit to a verified deployment" \
      description="${DESCRIPTION}" \
      maintainer="stepwise" \
      vendor="stepwise" \
      url="${SOURCE}" \
      build-date="${CREATED}" \
      vcs-ref="${REVISION}" \
      com.redhat.component="stepwise" \
      io.k8s.display-name="stepwise" \
      io.k8s.description="${DESCRIPTION}" \
      io.openshift.tags="stepwise,machine-learning"
# All that is written goes to the volume. A user id of the cluster's choice has no home.
ENV STEPWISE_STEPS=/usr/local/share/stepwise/steps \
    STEPWISE_RUNS=/work/runs \
    STEPWISE_CACHE=/work/cache \
    HOME=/work \
    TMPDIR=/work
VOLUME /work
WORKDIR /model
USER 1001:0
ENTRYPOINT ["/usr/local/bin/stepwise"]

FROM runtime AS ready
COPY target/image/files /
# By itself: the folder is a link in some bases.
COPY target/image/ca-certificates.crt /etc/ssl/certs/

FROM ${BUILDER} AS compiled
ARG SOURCE_DATE_EPOCH=0
WORKDIR /source
COPY . .
RUN make image-files

FROM runtime
COPY --from=compiled /source/target/image/files /
COPY --from=compiled /source/target/image/ca-certificates.crt /etc/ssl/certs/
