# SPDX-License-Identifier: BSL-1.0
option(TANDEM_WERROR "Treat warnings in tandem's own tests, examples and benchmarks as errors" ON)

# Warnings are the business of the project's own programs, never of those who use the headers: always PRIVATE.
function(tandem_warnings target)
  target_compile_options("${target}" PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<BOOL:${TANDEM_WERROR}>:-Werror>)
endfunction()
