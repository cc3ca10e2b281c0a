"""Words of exports that have a meaning for the cleaning: defaults of the configuration."""


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split(", "))


# How tills and shops call a line that gives money back, in English, German, French, Dutch, Spanish and Italian.
RETURN_TYPES = _words(
    "refund, refunded, return, returned, cancelled, canceled, cancellation, cancel, credit, credit note, credit memo",
    "chargeback, reversal, reversed, void, voided",
    "retoure, rückgabe, erstattung, gutschrift, storno, remboursement, retour, avoir, terugbetaling",
    "reembolso, devolución, rimborso, reso",
)

# How shops call an order that brought no money, or whose money went back, in the same languages.
NO_SALE_STATUSES = _words(
    "cancelled, canceled, cancellation, void, voided, failed, failure, pending, on hold, draft, checkout draft",
    "declined, rejected, expired, abandoned, pending payment, payment pending, payment failed, payment error",
    "unavailable, trash, deleted, test, quote, quotation, estimate",
    "refunded, returned, reversed, charged back, disputed, denied",
    "wc cancelled, wc failed, wc pending, wc on hold, wc refunded, wc checkout draft",
    "storniert, annulliert, abgebrochen, fehlgeschlagen, ausstehend, entwurf, erstattet, retourniert",
    "annulé, annulée, échoué, en attente, brouillon, remboursé, remboursée",
    "geannuleerd, mislukt, concept, terugbetaald",
    "cancelado, anulado, fallido, pendiente, borrador, reembolsado",
    "annullato, fallito, in attesa, bozza, rimborsato",
)

# How spreadsheets and reports name a line that adds up others.
TOTALS = _words(
    "total, totals, grand total, grandtotal, overall total, sub total, sub-total, subtotal, sum, report total",
    "summe, gesamt, gesamtsumme, gesamtergebnis, zwischensumme, endsumme, somme, total général, sous-total, sous total",
    "totaal, eindtotaal, subtotaal, total general, suma, suma total, totale, totale generale, totale complessivo",
)

# What exports write for no customer: programs, then tills in these languages.
NOBODY = _words(
    "nan, null, none, n/a, #n/a, na, <na>, nat, -, \\N, nil, n.a., ?",
    "undefined, unknown, blank, empty, missing, not set, not available, not provided, not applicable",
    "#ref!, #value!, #null!, #name?, 00000000-0000-0000-0000-000000000000, 00000000000000000000000000000000",
    "guest, guest user, guest customer, guest checkout, anonymous, anonymous customer, anonymous user",
    "unknown customer, no customer, no customer id, walk in, walk in customer, walk in client, walk ins",
    "cash customer, cash sale, cash sales, counter sale, counter customer, pos customer, default customer",
    "general customer, over the counter, retail customer, unregistered",
    "gast, gastkunde, laufkunde, laufkundschaft, barverkauf, barkunde, anonym, unbekannt, kein kunde",
    "invité, client invité, client comptoir, client de passage, client divers, anonyme, inconnu",
    "anoniem, onbekend, passant, contante klant, losse klant",
    "invitado, anónimo, anonimo, desconocido, cliente contado, cliente de mostrador, público general",
    "publico en general, consumidor final, ospite, sconosciuto, cliente occasionale, cliente generico, cliente banco",
)
