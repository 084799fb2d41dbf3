# The library by which the recorder gets into a Python that ignores PYTHONPATH; nothing to call.
