"""Function words of other languages than English: nobody wants to read that the sources do not mention “wie” and “ich”."""

_GERMAN = (
    "aber als also am an auch auf aus bei beim bin bis bist da damit dann das dass dein dem den denn der des dich die dies diese "
    "diesen dieser dir doch du durch ein eine einem einen einer eines er es etwas euch für gegen gibt habe haben hat hier ich ihm ihn "
    "ihr im in ins ist ja jede jeder kann kannst kein keine können man mein meine mich mir mit muss müssen nach nicht nichts noch nur "
    "ob oder ohne sehr sein sich sie sind so soll über um und uns unter vom von vor war warum was welche welchen welcher wenn wer werden "
    "wie wieder wir wird wo wohin zu zum zur zwischen"
)
_FRENCH = (
    "ai au aussi aux avec avoir ce ces cet cette ceux comme comment dans de des donc du elle elles en est et être eux fait faire faut "
    "il ils je la le les leur lui ma mais me mes moi mon ne nos notre nous on ou où par pas peut peux plus pour pourquoi puis quand que "
    "quel quelle quels qui quoi sa sans se ses si son sont sur ta te tes toi ton très tu un une vos votre vous y à ça"
)
_SPANISH = (
    "al algo como con cuál cuando cómo cuándo de del desde donde dónde el ella ellos en entre era es esa ese eso esta este esto está "
    "hacer hay la las le lo los me mi muy más mí ni no nos o para pero por porque puede puedo qué que quién se ser si sin sobre son su "
    "sus sí también te tengo tiene tu un una unas uno unos y ya yo"
)
_ITALIAN = (
    "ad agli ai al alla alle anche che chi ci come con cosa cui da dai dal dalla degli dei del della delle di dove e è fare gli ha ho i "
    "il in io la le lo loro ma mi mio ne nel nella non o per perché più posso può quale quando quanto quello questa questo se si sono su "
    "sul tra un una uno"
)
_PORTUGUESE = (
    "ao aos as até com como da das de do dos e ela ele em entre era essa esse esta este eu foi isso isto já mais mas me meu minha muito "
    "na nas no nos num não o onde os ou para pela pelo por porque posso pode qual quando que quem se sem ser seu sobre são também te tem "
    "um uma você é"
)
_DUTCH = (
    "aan als bij dan dat de deze die dit door een en er het hij hoe iets ik in is je kan kun met mijn moet naar niet nog of om onder ook "
    "op te tegen tot uit van veel voor waar wanneer waarom wat we welke wie wij worden wordt zich zijn zo"
)
FOREIGN_FUNCTION_WORDS = frozenset(" ".join((_GERMAN, _FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE, _DUTCH)).split())
