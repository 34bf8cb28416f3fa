/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The grammar of JSON in tables: what may come in which state, and what to say if it does not.
 */
#include <stdint.h>

enum class {
        CLASS_OTHER = 0,
        CLASS_SPACE,
        CLASS_NEWLINE,
        CLASS_QUOTE,
        CLASS_COLON,
        CLASS_COMMA,
        CLASS_OPEN_OBJECT,
        CLASS_CLOSE_OBJECT,
        CLASS_OPEN_ARRAY,
        CLASS_CLOSE_ARRAY,
        CLASS_ZERO,
        CLASS_DIGIT, /* 1 to 9 */
        CLASS_MINUS,
        CLASS_T,
        CLASS_F,
        CLASS_N,
        /* Only within numbers: */
        CLASS_POINT,
        CLASS_EXPONENT,
        CLASS_PLUS,
        /* Only to say what is wrong: */
        CLASS_APOSTROPHE,
        CLASS_SLASH,
        CLASS_NAN,
        CLASS_BOM,
        CLASS_COUNT,
};

static const uint8_t envelope_classes[256] = {
        [' '] = CLASS_SPACE,
        ['\t'] = CLASS_SPACE,
        ['\r'] = CLASS_SPACE,
        ['\n'] = CLASS_NEWLINE,
        ['"'] = CLASS_QUOTE,
        [':'] = CLASS_COLON,
        [','] = CLASS_COMMA,
        ['{'] = CLASS_OPEN_OBJECT,
        ['}'] = CLASS_CLOSE_OBJECT,
        ['['] = CLASS_OPEN_ARRAY,
        [']'] = CLASS_CLOSE_ARRAY,
        ['0'] = CLASS_ZERO,
        ['1' ... '9'] = CLASS_DIGIT,
        ['-'] = CLASS_MINUS,
        ['t'] = CLASS_T,
        ['f'] = CLASS_F,
        ['n'] = CLASS_N,
        ['.'] = CLASS_POINT,
        ['e'] = CLASS_EXPONENT,
        ['E'] = CLASS_EXPONENT,
        ['+'] = CLASS_PLUS,
        ['\''] = CLASS_APOSTROPHE,
        ['/'] = CLASS_SLASH,
        ['N'] = CLASS_NAN,
        ['I'] = CLASS_NAN,
        [0xEF] = CLASS_BOM,
};

/* What the next byte that is no white space may be. */
enum state {
        STATE_LINE = 1,      /* the line's value */
        STATE_VALUE,         /* a member's value */
        STATE_ELEMENT,       /* the next element */
        STATE_FIRST_ELEMENT, /* or the array's end */
        STATE_MEMBER,        /* the next member's name */
        STATE_FIRST_MEMBER,  /* or the object's end */
        STATE_COLON,
        STATE_AFTER_ELEMENT,
        STATE_AFTER_MEMBER,
        STATE_AFTER_LINE, /* only the newline */
        STATE_ENDED,      /* it came */
        STATE_COUNT,
};

/* What to do with a byte: take it and go to a state; or one of these; or fail for a reason. */
enum action {
        ACTION_STRING = STATE_COUNT,
        ACTION_NAME,
        ACTION_NUMBER,
        ACTION_TRUE,
        ACTION_FALSE,
        ACTION_NULL,
        ACTION_OBJECT,
        ACTION_ARRAY,
        ACTION_CLOSE,
        ACTION_BLANK,
        ACTION_COUNT,
};

/* Reasons for an error. Where the line ends too early, the text says what was still to come. */
#define ENVELOPE_REASONS(EXPECTED, WRONG)                                                          \
        EXPECTED(VALUE, "expected a value")                                                        \
        EXPECTED(NEXT_VALUE, "expected a value after ','")                                         \
        EXPECTED(MEMBER_VALUE, "expected a value after ':'")                                       \
        EXPECTED(ELEMENT, "expected a value or ']' after '['")                                     \
        EXPECTED(NAME, "expected a member's name in double quotes or '}' after '{'")               \
        EXPECTED(NEXT_NAME, "expected a member's name in double quotes after ','")                 \
        EXPECTED(COLON, "expected ':' after a member's name")                                      \
        EXPECTED(AFTER_ELEMENT, "expected ',' or ']' after an element")                            \
        EXPECTED(AFTER_MEMBER, "expected ',' or '}' after a member")                               \
        EXPECTED(WORD, "expected one of the words true, false and null")                           \
        EXPECTED(DIGIT, "expected a digit after '-'")                                              \
        EXPECTED(FRACTION, "expected a digit after the decimal point")                             \
        EXPECTED(EXPONENT, "expected a digit in the exponent")                                     \
        EXPECTED(ESCAPE, "expected one of \"\\/bfnrtu after a backslash")                          \
        EXPECTED(HEX, "expected four hexadecimal digits after \\u")                                \
        EXPECTED(UTF8, "expected valid UTF-8")                                                     \
        WRONG(CONTROL, "a control character in a string must be escaped",                          \
              "the line ended inside a string")                                                    \
        WRONG(TRAILING, "trailing text after the value", "")                                       \
        WRONG(LEADING_ZERO, "a number cannot have a leading zero", "")                             \
        WRONG(LEADING_PLUS, "a number cannot begin with '+'", "")                                  \
        WRONG(LEADING_POINT, "expected a digit before the decimal point", "")                      \
        WRONG(TRAILING_COMMA, "a comma cannot stand before a closing bracket", "")                 \
        WRONG(QUOTES, "a string must stand in double quotes", "")                                  \
        WRONG(COMMENT, "comments are not allowed", "")                                             \
        WRONG(NAN, "NaN and Infinity are no JSON numbers", "")                                     \
        WRONG(BOM, "a byte order mark is not allowed", "")                                         \
        WRONG(DEPTH, "arrays and objects are nested more than 256 deep", "")

#define REASON_ENUM(name, ...) REASON_##name,
enum reason { REASON_FIRST = ACTION_COUNT - 1, ENVELOPE_REASONS(REASON_ENUM, REASON_ENUM) };
#undef REASON_ENUM

struct reason_text {
        const char *text, *truncated;
};

#define REASON_EXPECTED(name, text)         [REASON_##name] = {text, "the line ended: " text},
#define REASON_WRONG(name, text, truncated) [REASON_##name] = {text, truncated},
static const struct reason_text envelope_reasons[] = {
        ENVELOPE_REASONS(REASON_EXPECTED, REASON_WRONG)};
#undef REASON_EXPECTED
#undef REASON_WRONG

/* The reason to fail in a state if the table of actions names none. */
static const uint8_t envelope_expected[STATE_COUNT] = {
        [STATE_LINE] = REASON_VALUE,
        [STATE_VALUE] = REASON_MEMBER_VALUE,
        [STATE_ELEMENT] = REASON_NEXT_VALUE,
        [STATE_FIRST_ELEMENT] = REASON_ELEMENT,
        [STATE_MEMBER] = REASON_NEXT_NAME,
        [STATE_FIRST_MEMBER] = REASON_NAME,
        [STATE_COLON] = REASON_COLON,
        [STATE_AFTER_ELEMENT] = REASON_AFTER_ELEMENT,
        [STATE_AFTER_MEMBER] = REASON_AFTER_MEMBER,
        [STATE_AFTER_LINE] = REASON_TRAILING,
};

#define VALUE_ACTIONS                                                                              \
        [CLASS_QUOTE] = ACTION_STRING, [CLASS_OPEN_OBJECT] = ACTION_OBJECT,                        \
        [CLASS_OPEN_ARRAY] = ACTION_ARRAY, [CLASS_ZERO] = ACTION_NUMBER,                           \
        [CLASS_DIGIT] = ACTION_NUMBER, [CLASS_MINUS] = ACTION_NUMBER, [CLASS_T] = ACTION_TRUE,     \
        [CLASS_F] = ACTION_FALSE, [CLASS_N] = ACTION_NULL, [CLASS_PLUS] = REASON_LEADING_PLUS,     \
        [CLASS_POINT] = REASON_LEADING_POINT, [CLASS_APOSTROPHE] = REASON_QUOTES,                  \
        [CLASS_NAN] = REASON_NAN

#define STATE_ACTIONS(state, ...)                                                                  \
        [state] = {[CLASS_SPACE] = state, [CLASS_SLASH] = REASON_COMMENT, __VA_ARGS__}

/* 0: the byte cannot stand there. */
static const uint8_t envelope_actions[STATE_COUNT][CLASS_COUNT] = {
        STATE_ACTIONS(STATE_LINE,
                      VALUE_ACTIONS, [CLASS_NEWLINE] = ACTION_BLANK, [CLASS_BOM] = REASON_BOM),
        STATE_ACTIONS(STATE_VALUE, VALUE_ACTIONS),
        STATE_ACTIONS(STATE_ELEMENT, VALUE_ACTIONS, [CLASS_CLOSE_ARRAY] = REASON_TRAILING_COMMA),
        STATE_ACTIONS(STATE_FIRST_ELEMENT, VALUE_ACTIONS, [CLASS_CLOSE_ARRAY] = ACTION_CLOSE),
        STATE_ACTIONS(STATE_MEMBER, [CLASS_QUOTE] = ACTION_NAME, [CLASS_APOSTROPHE] = REASON_QUOTES,
                      [CLASS_CLOSE_OBJECT] = REASON_TRAILING_COMMA),
        STATE_ACTIONS(STATE_FIRST_MEMBER, [CLASS_QUOTE] = ACTION_NAME,
                      [CLASS_APOSTROPHE] = REASON_QUOTES, [CLASS_CLOSE_OBJECT] = ACTION_CLOSE),
        STATE_ACTIONS(STATE_COLON, [CLASS_COLON] = STATE_VALUE),
        STATE_ACTIONS(STATE_AFTER_ELEMENT, [CLASS_COMMA] = STATE_ELEMENT,
                      [CLASS_CLOSE_ARRAY] = ACTION_CLOSE),
        STATE_ACTIONS(STATE_AFTER_MEMBER, [CLASS_COMMA] = STATE_MEMBER,
                      [CLASS_CLOSE_OBJECT] = ACTION_CLOSE),
        STATE_ACTIONS(STATE_AFTER_LINE, [CLASS_NEWLINE] = STATE_ENDED),
};

/* What the bytes so far ended in the middle of. */
enum token {
        TOKEN_NONE = 0,
        TOKEN_FAILED, /* the line is wrong: only its end matters */
        TOKEN_STRING,
        TOKEN_ESCAPE, /* the backslash was seen */
        TOKEN_HEX,
        TOKEN_UTF8,
        TOKEN_WORD,
        TOKEN_NUMBER, /* nothing of it was seen yet */
        TOKEN_MINUS,
        TOKEN_POINT,
        TOKEN_EXPONENT, /* the letter was seen */
        TOKEN_EXPONENT_SIGN,
        TOKEN_ZERO, /* from here on the number may end */
        TOKEN_INTEGER,
        TOKEN_FRACTION,
        TOKEN_EXPONENT_DIGITS,
        TOKEN_COUNT,
};

/* 0: the number cannot go on with this. */
static const uint8_t envelope_numbers[TOKEN_COUNT][CLASS_COUNT] = {
        [TOKEN_NUMBER] = {[CLASS_MINUS] = TOKEN_MINUS,
                          [CLASS_ZERO] = TOKEN_ZERO,
                          [CLASS_DIGIT] = TOKEN_INTEGER},
        [TOKEN_MINUS] = {[CLASS_ZERO] = TOKEN_ZERO, [CLASS_DIGIT] = TOKEN_INTEGER},
        [TOKEN_ZERO] = {[CLASS_POINT] = TOKEN_POINT, [CLASS_EXPONENT] = TOKEN_EXPONENT},
        [TOKEN_INTEGER] = {[CLASS_ZERO] = TOKEN_INTEGER,
                           [CLASS_DIGIT] = TOKEN_INTEGER,
                           [CLASS_POINT] = TOKEN_POINT,
                           [CLASS_EXPONENT] = TOKEN_EXPONENT},
        [TOKEN_POINT] = {[CLASS_ZERO] = TOKEN_FRACTION, [CLASS_DIGIT] = TOKEN_FRACTION},
        [TOKEN_FRACTION] = {[CLASS_ZERO] = TOKEN_FRACTION,
                            [CLASS_DIGIT] = TOKEN_FRACTION,
                            [CLASS_EXPONENT] = TOKEN_EXPONENT},
        [TOKEN_EXPONENT] = {[CLASS_ZERO] = TOKEN_EXPONENT_DIGITS,
                            [CLASS_DIGIT] = TOKEN_EXPONENT_DIGITS,
                            [CLASS_PLUS] = TOKEN_EXPONENT_SIGN,
                            [CLASS_MINUS] = TOKEN_EXPONENT_SIGN},
        [TOKEN_EXPONENT_SIGN] =
                {[CLASS_ZERO] = TOKEN_EXPONENT_DIGITS, [CLASS_DIGIT] = TOKEN_EXPONENT_DIGITS},
        [TOKEN_EXPONENT_DIGITS] =
                {[CLASS_ZERO] = TOKEN_EXPONENT_DIGITS, [CLASS_DIGIT] = TOKEN_EXPONENT_DIGITS},
};

/* The reason to fail inside a number that cannot end there. */
static const uint8_t envelope_number_expected[TOKEN_ZERO] = {
        [TOKEN_MINUS] = REASON_DIGIT,
        [TOKEN_POINT] = REASON_FRACTION,
        [TOKEN_EXPONENT] = REASON_EXPONENT,
        [TOKEN_EXPONENT_SIGN] = REASON_EXPONENT,
};
