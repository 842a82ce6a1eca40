/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/real.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "database/json/digits.h"

/* Where a double has 17 digits or fewer before and after the point that "%g" would not write with an
 * exponent, and where the arithmetic below fits into 128 bits. */
#define EXACT_LEAST 1e-4
#define EXACT_MOST 1e15

/* Bits of a double's fraction, and what its exponent is stored with. */
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
        /* Can't fail: glibc has "C" built in, and gives a static object. */
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
}

static locale_t numbers_locale(void)
{
        (void) pthread_once(&locale_once, make_locale);
        return c_locale;
}

/* The C library's way: try and read back. */
static size_t format_by_trial(double value, char *ret)
{
        /* printf has no variant that takes a locale. */
        locale_t before = uselocale(numbers_locale());
        /* Up to 15 digits any decimal survives the way to a normal double and back, so "%.15g", which leaves
         * trailing zeros out, is the shortest whenever 15 suffice. Denormals carry fewer. */
        int digits = fabs(value) < DBL_MIN ? 1 : 15;
        int length = 0;

        for (; digits <= 17; digits++) {
                double back = 0;

                length = snprintf(ret, JSON_REAL_MAX - 2, "%.*g", digits, value);
                back = strtod(ret, NULL);
                if (back == value)
                        break;
        }
        (void) uselocale(before);
        return (size_t) length;
}

__extension__ typedef unsigned __int128 Wide;

/* A number as 17 digits and what remains, exactly: digits + remainder / 2^shift, where
 * value * 10^scale = scaled / 2^shift. */
typedef struct Exact {
        Wide scaled;
        uint64_t five; /* 5^scale; half the distance to the next double is five / 2^(shift + 1) */
        int scale;
        int shift;
        bool is_even;
        bool is_power; /* of two: the next double below is half as far away */
} Exact;

static bool split(double magnitude, Exact *ret)
{
        uint64_t bits, digits, fraction, five = 1;
        int exponent, scale = 16;

        memcpy(&bits, &magnitude, sizeof bits);
        fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
        exponent = (int) (bits >> FRACTION_BITS) - EXPONENT_BIAS;
        for (double power = 10; power <= magnitude; power *= 10)
                scale--;
        for (double power = 1; power > magnitude; power /= 10)
                scale++;
        for (int i = 0; i < scale; i++)
                five *= 5;
        for (;; scale++, five *= 5) {
                *ret = (Exact){
                                .scaled = (Wide) (fraction | UINT64_C(1) << FRACTION_BITS) * five,
                                .five = five,
                                .scale = scale,
                                .shift = -(exponent + scale),
                                .is_even = (fraction & 1) == 0,
                                .is_power = fraction == 0,
                };
                if (ret->shift < 1 || scale > 22)
                        return false;
                digits = (uint64_t) (ret->scaled >> ret->shift);
                /* The powers below 1 are not exact, so that one digit may lack. */
                if (digits >= UINT64_C(10000000000000000))
                        return digits < UINT64_C(100000000000000000);
        }
}

/* The 17 digits, the last of them rounded away by `unit` (1, 10 or 100), to even when in the middle. */
static uint64_t round_to(const Exact *exact, uint64_t unit)
{
        uint64_t digits = (uint64_t) (exact->scaled >> exact->shift), kept = digits / unit;
        Wide one = (Wide) 1 << exact->shift;
        Wide rest = (digits % unit) * one + (exact->scaled & (one - 1)), half = unit * one / 2;

        if (rest > half || (rest == half && kept % 2 == 1))
                kept++;
        return kept * unit;
}

/* Whether these digits read back as the same double: nearer to it than to its neighbours, or in the middle,
 * which goes to the even one. In units of 1 / 2^(shift + 2). */
static bool reads_back(const Exact *exact, uint64_t digits)
{
        Wide there = (Wide) digits << (exact->shift + 2), here = exact->scaled << 2;
        Wide distance = there > here ? there - here : here - there;
        Wide bound = (Wide) exact->five * (there < here && exact->is_power ? 1 : 2);

        return distance < bound || (distance == bound && exact->is_even);
}

/* `digits` / 10^`scale`, without trailing zeros. */
static size_t put_point(uint64_t digits, int scale, char *ret)
{
        char text[20], *end = text + sizeof text, *begin = json_digits_before(end, digits), *at = ret;
        int n_before = (int) (end - begin) - scale;

        while (end > begin + MAX_OF(n_before, 1) && end[-1] == '0')
                end--;
        if (n_before > 0) {
                memcpy(at, begin, (size_t) n_before);
                at += n_before;
                begin += n_before;
        } else
                *at++ = '0';
        *at++ = '.';
        for (; n_before < 0; n_before++)
                *at++ = '0';
        if (begin == end)
                *at++ = '0';
        memcpy(at, begin, (size_t) (end - begin));
        return (size_t) (at - ret) + (size_t) (end - begin);
}

/* The same digits as by trial, from integers: 0 when the number is not one of those that it knows. */
static size_t format_exactly(double value, char *ret)
{
        static const uint64_t units[] = {100, 10, 1};
        double magnitude = fabs(value);
        size_t sign = signbit(value) ? 1 : 0;
        Exact exact;

        if (!(magnitude >= EXACT_LEAST && magnitude < EXACT_MOST))
                return 0;
        ret[0] = '-';
        if (magnitude == (double) (uint64_t) magnitude)
                return sign + put_point((uint64_t) magnitude, 0, ret + sign);
        if (!split(magnitude, &exact))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                uint64_t digits = round_to(&exact, units[i]);

                if (digits < UINT64_C(100000000000000000) && reads_back(&exact, digits))
                        return sign + put_point(digits, exact.scale, ret + sign);
        }
        return 0;
}

size_t json_real_format(double value, char ret[static JSON_REAL_MAX])
{
        size_t length = format_exactly(value, ret);

        if (length > 0) {
                ret[length] = '\0';
                return length;
        }
        length = format_by_trial(value, ret);
        if (!strpbrk(ret, ".e")) {
                memcpy(ret + length, ".0", sizeof ".0");
                length += 2;
        }
        return length;
}

int json_real_parse(const char *text, double *ret)
{
        double value = strtod_l(text, NULL, numbers_locale());

        if (!isfinite(value))
                return -ERANGE;
        *ret = value;
        return 0;
}
