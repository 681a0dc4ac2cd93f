// The address of an example asset, from what the form says about names. The server knows real ones.
//
// The addresses in this file are shown and never loaded.

/** The path of the example. */
const EXAMPLE = '/path/of/an/asset.jpg';

/** The address; `null` if neither a base URL nor a subdomain is typed yet. */
export function addressOf({ baseUrl, subdomain }) {
  const base = baseUrl.trim().replace(/\/+$/, '');
  if (base) return base + EXAMPLE;
  return subdomain.trim() ? `https://${subdomain.trim()}.imgix.net${EXAMPLE}` : null;
}
