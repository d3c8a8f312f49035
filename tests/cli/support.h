/* What the tests of this folder share. */
#ifndef NW_TESTS_CLI_SUPPORT_H
#define NW_TESTS_CLI_SUPPORT_H

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#endif
