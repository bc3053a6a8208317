#include "streams.h"

#if defined(__x86_64__)
#include <cpuid.h>

static int intel;

/* Once, when the library is loaded: on a virtual machine the instruction takes microseconds. */
__attribute__((constructor)) static void look(void) {
    unsigned a, b, c, d;
    intel = __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx;
}

int many_streams(void) {
    return intel;
}
#else
int many_streams(void) {
    return 0;
}
#endif
