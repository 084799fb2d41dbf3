# `just` lists these; `just NAME` runs one, in the environment of CONTRIBUTING.md.
python := ".venv/bin/python"

_default:
    @just --list

# the tests, or some: `just test tests/trace -k reading`
test *arguments:
    {{python}} -m pytest {{arguments}}

# the core once more, after a change of Cython or C; `just build debug` is not optimized and checks itself
build kind="":
    RECORDER_BUILD={{kind}} {{python}} setup.py -q build_ext --inplace

# every generated file, from the tables
generate:
    {{python}} -m codegen

# what could get out unmapped
errors-audit *arguments:
    {{python}} -m codegen audit {{arguments}}

# each code: where it is emitted, and the test that provokes it
errors-coverage:
    {{python}} -m codegen coverage

# all static checks
lint:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy --strict
    PATH="$PWD/.venv/bin:$PATH" cython-lint recorder benchmarks
    {{python}} -m codegen --check
    {{python}} -m codegen audit

# the pages as a site, in build/site
site:
    {{python}} -m sphinx -q -W -c docs . build/site

# the sdist and a wheel, built and tried
packages *arguments:
    .ci/packages {{arguments}}

# all that CI does; `just ci 3.13 3.15` runs it all on Debian's newest of these as well
ci *versions:
    .ci/run {{versions}}
