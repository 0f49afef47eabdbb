#pragma once
/* Input is not written to: next_in becomes a pointer to const bytes. */
#define ZLIB_CONST
#include <zlib.h>
