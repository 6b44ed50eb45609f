# targets for generated code: filled in with the proto
proto-check:
	@true
