#pragma once
/* The context functions of <openssl/sha.h> are declared deprecated since 3.0, but they are the only ones that
   hash a 4 KiB block without an allocation; verity hashes hundreds of thousands of them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
