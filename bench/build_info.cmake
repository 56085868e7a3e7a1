# SPDX-License-Identifier: BSL-1.0
# cmake -DSOURCE_DIR= -DOUTPUT= -DFLAGS= -P build_info.cmake: writes which commit is being built, and how; only if that has changed.
set(commit "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND "${GIT}" -C "${SOURCE_DIR}" describe --always --abbrev=12 --dirty=+changes --exclude=*
    OUTPUT_VARIABLE answer RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed)
    set(commit "${answer}")
  endif()
endif()
string(REGEX REPLACE "[\"\\]" "" flags "${FLAGS}")
string(STRIP "${flags}" flags)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// Made by the build.
#define TANDEM_BENCH_COMMIT \"${commit}\"
#define TANDEM_BENCH_FLAGS \"${flags}\"
" @ONLY)
