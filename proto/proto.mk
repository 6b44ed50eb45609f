# Generated code: `make proto` writes it, and `make proto-check` (part of `make lint`) holds it to the protos.
#
# grpcio-tools 1.62 carries the compiler of protobuf 4.25, the oldest runtime that pyproject.toml allows. Generated code
# runs on the protobuf it was made for and on newer ones, never on an older one, so the pin goes up only with that
# lower bound. Its wheels are for Python 3.10 to 3.12: the first such Python is used, whatever $(VENV) has.
# Only the compiler in the wheel is wanted, hence --no-deps.
PROTO_TOOLS := grpcio-tools==1.62.3
PROTO_PYTHONS := $(PYTHON) python3.12 python3.11 python3.10
PROTO_VENV := .cache/proto-venv

.PHONY: proto proto-check

proto: $(PROTO_VENV)/.ready  ## Write the generated code anew from proto/.
	@$(PROTO_VENV)/bin/python scripts/generate_proto.py

proto-check: $(PROTO_VENV)/.ready  ## Check that the generated code is what proto/ gives.
	@$(PROTO_VENV)/bin/python scripts/generate_proto.py --check

$(PROTO_VENV)/.ready: proto/proto.mk
	@for python in $(PROTO_PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then \
	    $$python -m venv --clear $(PROTO_VENV) && \
	    $(PROTO_VENV)/bin/python -m pip --disable-pip-version-check -q install \
	      --no-deps --only-binary :all: $(PROTO_TOOLS) && \
	    touch $@; exit; \
	  fi; \
	done; \
	echo "make proto: $(PROTO_TOOLS) needs Python 3.10, 3.11 or 3.12, and none of these is one: $(PROTO_PYTHONS)." \
	  "Install one, or name it: make proto PYTHON=/path/to/python3.12" >&2; exit 1
