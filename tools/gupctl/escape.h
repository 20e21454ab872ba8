/* SPDX-License-Identifier: GPL-2.0 */
/* Make text of other processes safe to print. */
#ifndef GUPX_ESCAPE_H
#define GUPX_ESCAPE_H

/**
 * gupx_escape() - replace bytes that could change more than one line of a terminal
 * @text: text, for example the name of a file that another process has mapped
 *
 * Replace each byte of a control character (C0, DEL, C1, line and paragraph separators,
 * controls of the writing direction) and each byte that is not valid UTF-8 by "\xHH". The
 * result is one line of valid UTF-8. Escaping it again changes nothing.
 *
 * All text that out.c prints, as text or as JSON, has passed through this function.
 *
 * Return: the escaped text, which the caller frees. Exits if out of memory.
 */
char *gupx_escape(const char *text);

/*
 * Escape text like gupx_escape(), and then for XML: & < > and quotes become entities, and
 * U+FFFE and U+FFFF, which XML does not allow, become U+FFFD. Return: the escaped text,
 * which the caller frees. Exits if out of memory.
 */
char *gupx_escape_xml(const char *text);

#endif
