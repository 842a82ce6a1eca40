/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/stream.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#define CHUNK_BYTES (64 * KIB)
#define SEALED_BYTES (CHUNK_BYTES + AGE_TAG_BYTES)
#define PAYLOAD_NONCE_BYTES 16

static_assert(AGE_HEADER_MAX_BYTES + PAYLOAD_NONCE_BYTES <= SEALED_BYTES,
                "the header is read into the chunk");

/* The key of the payload, and the number of the next chunk. */
typedef struct Cipher {
        unsigned char key[AGE_KEY_BYTES];
        uint64_t chunk; /* 2^64 of them are more than any file has */
} Cipher;

struct AgeWriter {
        AgeSink sink;
        void *userdata;
        Cipher cipher;
        size_t used; /* of `plain`; a full one waits, since it may be the last */
        unsigned char plain[CHUNK_BYTES];
        unsigned char sealed[SEALED_BYTES];
};

struct AgeReader {
        AgeSource source;
        void *userdata;
        Cipher cipher;
        bool at_end;     /* the last chunk was proved */
        size_t position; /* in `plain`: what was handed out */
        size_t proved;   /* of `plain` */
        size_t ahead;    /* what `sealed` holds of the next chunk */
        unsigned char plain[CHUNK_BYTES];
        unsigned char sealed[SEALED_BYTES + 1]; /* and one, to see whether more follows */
};

static int libcrypto_failed(Fault *fault)
{
        return fault_set(fault, FAULT_FAILED, "libcrypto failed to do ChaCha20-Poly1305");
}

static int cipher_begin(Cipher *cipher, const AgeFileKey *file_key, const unsigned char *nonce)
{
        return age_derive(file_key->bytes,
                        sizeof file_key->bytes,
                        nonce,
                        PAYLOAD_NONCE_BYTES,
                        "payload",
                        cipher->key);
}

/* Eleven bytes count, the last says whether the chunk ends the file. */
static void cipher_nonce(const Cipher *cipher, bool last, unsigned char ret[static AGE_NONCE_BYTES])
{
        memset(ret, 0, AGE_NONCE_BYTES);
        for (unsigned i = 0; i < sizeof cipher->chunk; i++)
                ret[AGE_NONCE_BYTES - 2 - i] = (unsigned char) (cipher->chunk >> 8 * i);
        ret[AGE_NONCE_BYTES - 1] = last;
}

AgeWriter *age_writer_free(AgeWriter *writer)
{
        if (writer)
                OPENSSL_cleanse(writer, sizeof *writer);
        free(writer);
        return NULL;
}

int age_writer_new(const AgeRecipients *recipients,
                AgeSink sink,
                void *userdata,
                AgeFileKey *ret_file_key,
                AgeWriter **ret,
                Fault *fault)
{
        _cleanup_(age_writer_freep) AgeWriter *writer = calloc(1, sizeof *writer);
        unsigned char nonce[PAYLOAD_NONCE_BYTES];
        char header[AGE_HEADER_OWN_MAX_BYTES];
        AgeFileKey file_key;
        size_t header_bytes;
        int r;

        if (!writer)
                return fault_set_errno(fault, ENOMEM, "Encrypting");
        writer->sink = sink;
        writer->userdata = userdata;
        if (age_random(file_key.bytes, sizeof file_key.bytes) < 0 || age_random(nonce, sizeof nonce) < 0 ||
                        cipher_begin(&writer->cipher, &file_key, nonce) < 0)
                r = fault_set(fault, FAULT_FAILED, "libcrypto failed to make a key");
        else
                r = age_header_write(recipients, &file_key, header, &header_bytes, fault);
        if (r >= 0)
                r = sink(userdata, header, header_bytes, fault);
        if (r >= 0)
                r = sink(userdata, nonce, sizeof nonce, fault);
        if (r >= 0) {
                *ret = TAKE_PTR(writer);
                if (ret_file_key)
                        *ret_file_key = file_key;
        }
        OPENSSL_cleanse(&file_key, sizeof file_key);
        return r;
}

static int seal_chunk(AgeWriter *writer, bool last, Fault *fault)
{
        unsigned char nonce[AGE_NONCE_BYTES];

        cipher_nonce(&writer->cipher, last, nonce);
        if (age_seal(writer->cipher.key, nonce, writer->plain, writer->used, writer->sealed) < 0)
                return libcrypto_failed(fault);
        writer->cipher.chunk++;
        return writer->sink(writer->userdata, writer->sealed, writer->used + AGE_TAG_BYTES, fault);
}

int age_writer_write(AgeWriter *writer, const void *data, size_t size, Fault *fault)
{
        const unsigned char *next = data;

        while (size > 0) {
                size_t part;

                if (writer->used == CHUNK_BYTES) {
                        int r = seal_chunk(writer, false, fault);

                        if (r < 0)
                                return r;
                        writer->used = 0;
                }
                part = MIN_OF(size, CHUNK_BYTES - writer->used);
                memcpy(writer->plain + writer->used, next, part);
                writer->used += part;
                next += part;
                size -= part;
        }
        return 0;
}

int age_writer_finish(AgeWriter *writer, Fault *fault)
{
        return seal_chunk(writer, true, fault);
}

AgeReader *age_reader_free(AgeReader *reader)
{
        if (reader)
                OPENSSL_cleanse(reader, sizeof *reader);
        free(reader);
        return NULL;
}

/* Fills `sealed` up to `size` bytes; fewer are there only at the end of the file. */
static int fill(AgeReader *reader, size_t size, Fault *fault)
{
        size_t more = 0;
        int r;

        if (reader->ahead >= size)
                return 0;
        r = reader->source(reader->userdata,
                        reader->sealed + reader->ahead,
                        size - reader->ahead,
                        &more,
                        fault);
        if (r >= 0)
                reader->ahead += more;
        return r;
}

static void use_up(AgeReader *reader, size_t size)
{
        reader->ahead -= size;
        memmove(reader->sealed, reader->sealed + size, reader->ahead);
}

int age_reader_new(const AgeOpener *opener, AgeSource source, void *userdata, AgeReader **ret, Fault *fault)
{
        _cleanup_(age_reader_freep) AgeReader *reader = calloc(1, sizeof *reader);
        size_t header_bytes;
        AgeFileKey file_key;
        int r;

        if (!reader)
                return fault_set_errno(fault, ENOMEM, "Decrypting");
        reader->source = source;
        reader->userdata = userdata;
        r = fill(reader, AGE_HEADER_MAX_BYTES + PAYLOAD_NONCE_BYTES, fault);
        if (r >= 0)
                r = age_header_open((const char *) reader->sealed,
                                MIN_OF(reader->ahead, AGE_HEADER_MAX_BYTES),
                                opener,
                                &file_key,
                                &header_bytes,
                                fault);
        if (r < 0)
                return r;
        if (reader->ahead < header_bytes + PAYLOAD_NONCE_BYTES)
                r = fault_set(fault, FAULT_CORRUPT, "The encrypted file ends right behind its header");
        else if (cipher_begin(&reader->cipher, &file_key, reader->sealed + header_bytes) < 0)
                r = libcrypto_failed(fault);
        OPENSSL_cleanse(&file_key, sizeof file_key);
        if (r < 0)
                return r;
        use_up(reader, header_bytes + PAYLOAD_NONCE_BYTES);
        *ret = TAKE_PTR(reader);
        return 0;
}

/* Whether the chunk at hand is one of the other kind, to say what is wrong with the file. */
static bool is_chunk(AgeReader *reader, size_t size, bool last)
{
        unsigned char nonce[AGE_NONCE_BYTES];
        bool is;

        cipher_nonce(&reader->cipher, last, nonce);
        is = age_open(reader->cipher.key, nonce, reader->sealed, size, reader->plain) >= 0;
        OPENSSL_cleanse(reader->plain, sizeof reader->plain);
        return is;
}

static int not_proved(AgeReader *reader, size_t size, bool last, Fault *fault)
{
        if (size < AGE_TAG_BYTES || (last && is_chunk(reader, size, false)))
                return fault_set(fault, FAULT_CORRUPT, "The encrypted file is cut short");
        if (!last && is_chunk(reader, size, true))
                return fault_set(fault, FAULT_CORRUPT, "Something follows the end of the encrypted data");
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The encrypted data was changed or is cut short, in its part %ju of 64 KiB",
                        (uintmax_t) reader->cipher.chunk + 1);
}

static int open_chunk(AgeReader *reader, Fault *fault)
{
        unsigned char nonce[AGE_NONCE_BYTES];
        size_t size;
        bool last;
        int r = fill(reader, SEALED_BYTES + 1, fault);

        if (r < 0)
                return r;
        last = reader->ahead <= SEALED_BYTES;
        size = MIN_OF(reader->ahead, SEALED_BYTES);
        cipher_nonce(&reader->cipher, last, nonce);
        r = age_open(reader->cipher.key, nonce, reader->sealed, size, reader->plain);
        if (r == -EBADMSG)
                return not_proved(reader, size, last, fault);
        if (r < 0)
                return libcrypto_failed(fault);
        if (size == AGE_TAG_BYTES && reader->cipher.chunk > 0)
                return fault_set(fault, FAULT_CORRUPT, "The encrypted data ends with an empty part");
        reader->cipher.chunk++;
        reader->at_end = last;
        reader->position = 0;
        reader->proved = size - AGE_TAG_BYTES;
        use_up(reader, size);
        return 0;
}

int age_reader_read(AgeReader *reader, void *data, size_t size, size_t *ret, Fault *fault)
{
        unsigned char *next = data;
        size_t done = 0;

        while (done < size) {
                size_t part = MIN_OF(size - done, reader->proved - reader->position);

                memcpy(next + done, reader->plain + reader->position, part);
                reader->position += part;
                done += part;
                if (done == size || (reader->position == reader->proved && reader->at_end))
                        break;
                if (reader->position == reader->proved) {
                        int r = open_chunk(reader, fault);

                        if (r < 0)
                                return r;
                }
        }
        *ret = done;
        return 0;
}
