// SPDX-License-Identifier: BSL-1.0
// What a plugin is: a shared object that exports plugin_entry. In C, so that any compiler can make one.
#ifndef TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_API_H
#define TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_API_H

#include <stddef.h>

#define PLUGIN_API_VERSION 1u

#ifdef __cplusplus
extern "C" {
#endif

struct plugin {
  unsigned api; /* PLUGIN_API_VERSION */
  char const* name;
  char const* about; /* one line */
  /* Writes what there is to say of a file to `summary`: one line that ends with 0 and has room for `capacity` bytes. 0,
     or another number where the plugin does not know such files. */
  int (*process)(char const* bytes, size_t size, char* summary, size_t capacity);
};

__attribute__((visibility("default"))) struct plugin const* plugin_entry(void);

#ifdef __cplusplus
}
#endif

#endif /* TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_API_H */
