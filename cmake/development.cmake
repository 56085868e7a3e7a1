# SPDX-License-Identifier: BSL-1.0
# What tandem's own tests, examples and benchmarks are built with. Nothing here reaches a user of the headers.
include("${CMAKE_CURRENT_LIST_DIR}/warnings.cmake")

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_CXX_EXTENSIONS OFF)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
  endif()
  find_program(TANDEM_CCACHE ccache DOC "Speeds up repeated builds where it is installed")
  mark_as_advanced(TANDEM_CCACHE)
  if(TANDEM_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${TANDEM_CCACHE}")
  endif()
endif()

set(TANDEM_SANITIZE "" CACHE STRING "address, undefined or thread; several are joined by a comma")
if(TANDEM_SANITIZE)
  add_compile_options("-fsanitize=${TANDEM_SANITIZE}" -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${TANDEM_SANITIZE}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)  # false alarms in the instrumented code of std::regex, which Catch2 uses
  endif()
endif()

include(CheckIncludeFileCXX)

# Stops, naming the package to install, unless <header> can be included.
function(tandem_require_header header package needed_by)
  string(MAKE_C_IDENTIFIER "TANDEM_HAS_${header}" found)
  set(CMAKE_REQUIRED_QUIET ON)
  check_include_file_cxx("${header}" "${found}")
  if(NOT ${found})
    unset("${found}" CACHE)
    message(FATAL_ERROR "${needed_by} needs <${header}>. On Debian or Ubuntu: sudo apt-get install ${package}")
  endif()
endfunction()

# The same for every third-party header that these files include and that a package carries.
function(tandem_require_headers_of needed_by)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" includes REGEX "^#include <(CLI/|nlohmann/)")
    foreach(line IN LISTS includes)
      if(line MATCHES "<(CLI/[^>]*)>")
        tandem_require_header("${CMAKE_MATCH_1}" libcli11-dev "${needed_by}")
      elseif(line MATCHES "<(nlohmann/[^>]*)>")
        tandem_require_header("${CMAKE_MATCH_1}" nlohmann-json3-dev "${needed_by}")
      endif()
    endforeach()
  endforeach()
endfunction()
