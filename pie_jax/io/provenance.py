"""What an edited picture's file says about itself: that it is synthetic.

The kinds are IPTC's digital source types, which programs and platforms read:
https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from pie_jax import __version__
from pie_jax.io.images import XMP

COMMENT = (
    "Synthetic edit of a portrait, made with pie_jax by a generative model. "
    "What it shows was never photographed."
)

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_WHOLE, _PARTLY = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmp:CreatorTool="{tool}"
    Iptc4xmpExt:DigitalSourceType="{kind}">
   <dc:description><rdf:Alt>
    <rdf:li xml:lang="x-default">{comment}</rdf:li>
   </rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def text(*, partly: bool) -> dict[str, str]:
    """Metadata of an edited picture, `partly` the photograph's, for `images.write_png`."""
    tool = f"pie_jax {__version__}"
    kind = _VOCABULARY + (_PARTLY if partly else _WHOLE)
    packet = _PACKET.format(tool=tool, kind=kind, comment=COMMENT)
    return {"Description": COMMENT, "Software": tool, "Source": kind, XMP: packet}
