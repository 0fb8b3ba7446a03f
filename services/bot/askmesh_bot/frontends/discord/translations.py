"""Every fixed reply and command of the bot, in each language it speaks. One row per text, in the order of LANGUAGES."""

from askmesh_bot.frontends.discord.translations_config import CONFIG_TEXTS

LANGUAGES = ("en", "de", "fr", "es", "pt-BR", "ja", "zh-CN")

# fmt: off
TEXTS: dict[str, tuple[str, str, str, str, str, str, str]] = {
    # While answering.
    "searching": ("Searching…", "Ich suche…", "Je cherche…", "Buscando…", "Procurando…", "検索しています…", "正在搜索…"),
    "reading": ("Reading…", "Ich lese…", "Je lis…", "Leyendo…", "Lendo…", "読んでいます…", "正在阅读…"),
    "writing": ("Writing…", "Ich schreibe…", "J'écris…", "Escribiendo…", "Escrevendo…", "書いています…", "正在撰写…"),
    "sources": ("Sources", "Quellen", "Sources", "Fuentes", "Fontes", "出典", "来源"),
    "nearest": ("Nearest sources", "Nächstliegende Quellen", "Sources les plus proches", "Fuentes más cercanas",
                "Fontes mais próximas", "最も近い出典", "最接近的来源"),
    "abstained": (
        "I couldn't find the answer in the sources I know.",
        "In den Quellen, die ich kenne, habe ich keine Antwort gefunden.",
        "Je n'ai pas trouvé la réponse dans les sources que je connais.",
        "No encontré la respuesta en las fuentes que conozco.",
        "Não encontrei a resposta nas fontes que conheço.",
        "私の知っている出典には答えが見つかりませんでした。",
        "在我所知的来源中没有找到答案。",
    ),
    "sources_only": (
        "I can't write an answer just now, but these passages are the closest to your question.",
        "Ich kann gerade keine Antwort schreiben, aber diese Stellen kommen deiner Frage am nächsten.",
        "Je ne peux pas rédiger de réponse pour l'instant, mais ces passages sont les plus proches de ta question.",
        "Ahora no puedo escribir una respuesta, pero estos pasajes son los más cercanos a tu pregunta.",
        "Não consigo escrever uma resposta agora, mas estes trechos são os mais próximos da sua pergunta.",
        "今は回答を書けませんが、質問に最も近い箇所はこちらです。",
        "我现在无法撰写回答，但这些段落与你的问题最接近。",
    ),
    # When there is no answer.
    "failure": (
        "Sorry, I can't answer this right now. {detail}",
        "Entschuldigung, das kann ich gerade nicht beantworten. {detail}",
        "Désolé, je ne peux pas répondre pour le moment. {detail}",
        "Lo siento, ahora mismo no puedo responder. {detail}",
        "Desculpe, não consigo responder agora. {detail}",
        "申し訳ありません、今は回答できません。{detail}",
        "抱歉，我现在无法回答。{detail}",
    ),
    "retry": ("Please try again in a moment.", "Bitte versuche es gleich noch einmal.", "Réessaie dans un instant.",
              "Inténtalo de nuevo en un momento.", "Tente de novo em instantes.", "少ししてからもう一度お試しください。", "请稍后再试。"),
    "too_many": (
        "You are already waiting for {count} answers here. Please ask again when one of them is done.",
        "Du wartest hier schon auf {count} Antworten. Frag bitte wieder, wenn eine davon fertig ist.",
        "Tu attends déjà {count} réponses ici. Repose ta question quand l'une d'elles sera terminée.",
        "Ya estás esperando {count} respuestas aquí. Vuelve a preguntar cuando termine una.",
        "Você já está esperando {count} respostas aqui. Pergunte de novo quando uma delas terminar.",
        "すでに {count} 件の回答を待っています。どれかが終わってからもう一度質問してください。",
        "你已经在等待 {count} 个回答。请等其中一个完成后再提问。",
    ),
    "interrupted": (
        "Sorry, I was restarted while answering. Please ask again.",
        "Entschuldigung, ich wurde beim Antworten neu gestartet. Bitte frag noch einmal.",
        "Désolé, j'ai été redémarré pendant la réponse. Repose ta question, s'il te plaît.",
        "Lo siento, me reiniciaron mientras respondía. Pregunta de nuevo, por favor.",
        "Desculpe, fui reiniciado enquanto respondia. Pergunte de novo, por favor.",
        "申し訳ありません、回答中に再起動されました。もう一度質問してください。",
        "抱歉，我在回答时被重启了。请再问一次。",
    ),
    "too_late": (
        "Sorry, the answer took too long and I stopped. Please try again.",
        "Entschuldigung, die Antwort dauerte zu lange, ich habe abgebrochen. Bitte versuche es noch einmal.",
        "Désolé, la réponse a pris trop de temps et je l'ai arrêtée. Réessaie, s'il te plaît.",
        "Lo siento, la respuesta tardó demasiado y la detuve. Inténtalo de nuevo.",
        "Desculpe, a resposta demorou demais e eu parei. Tente de novo.",
        "申し訳ありません、時間がかかりすぎたため中止しました。もう一度お試しください。",
        "抱歉，回答耗时过长，已停止。请重试。",
    ),
    "broken": (
        "Sorry, something went wrong on my side. Whoever runs this bot finds it in the log under `{reference}`.",
        "Entschuldigung, bei mir ging etwas schief. Wer den Bot betreibt, findet es im Log unter `{reference}`.",
        "Désolé, un problème est survenu de mon côté. L'exploitant du bot le trouvera dans le journal : `{reference}`.",
        "Lo siento, algo falló por mi parte. Quien opera este bot lo encontrará en el registro como `{reference}`.",
        "Desculpe, algo deu errado do meu lado. Quem opera este bot encontra no log como `{reference}`.",
        "申し訳ありません、こちらで問題が発生しました。運営者はログの `{reference}` で確認できます。",
        "抱歉，我这边出了问题。运营者可在日志中按 `{reference}` 查找。",
    ),
    "apology": (
        "Sorry, something went wrong on my side. Please try again.",
        "Entschuldigung, bei mir ging etwas schief. Bitte versuche es noch einmal.",
        "Désolé, un problème est survenu de mon côté. Réessaie, s'il te plaît.",
        "Lo siento, algo falló por mi parte. Inténtalo de nuevo.",
        "Desculpe, algo deu errado do meu lado. Tente de novo.",
        "申し訳ありません、こちらで問題が発生しました。もう一度お試しください。",
        "抱歉，我这边出了问题。请重试。",
    ),
    "restarting": (
        "I'm being restarted. Please ask again in a moment.",
        "Ich werde gerade neu gestartet. Bitte frag gleich noch einmal.",
        "Je redémarre. Repose ta question dans un instant.",
        "Me estoy reiniciando. Pregunta de nuevo en un momento.",
        "Estou sendo reiniciado. Pergunte de novo em instantes.",
        "再起動中です。少ししてからもう一度質問してください。",
        "我正在重启。请稍后再问。",
    ),
    "cooldown": (
        "One moment, please: I can take your next question in {seconds} s.",
        "Einen Moment bitte: Deine nächste Frage nehme ich in {seconds} s an.",
        "Un instant : je pourrai prendre ta prochaine question dans {seconds} s.",
        "Un momento: podré atender tu próxima pregunta en {seconds} s.",
        "Um momento: posso receber sua próxima pergunta em {seconds} s.",
        "少々お待ちください。次の質問は {seconds} 秒後に受け付けます。",
        "请稍等：{seconds} 秒后我可以接受你的下一个问题。",
    ),
    "budget": (
        "This server has used up today's {count} answers. I'm glad to go on tomorrow (from 00:00 UTC).",
        "Dieser Server hat die {count} Antworten für heute aufgebraucht. Morgen (ab 00:00 UTC) geht es gern weiter.",
        "Ce serveur a utilisé ses {count} réponses du jour. Je reprendrai volontiers demain (dès 00:00 UTC).",
        "Este servidor ha usado sus {count} respuestas de hoy. Con gusto sigo mañana (desde las 00:00 UTC).",
        "Este servidor já usou as {count} respostas de hoje. Continuo com prazer amanhã (a partir de 00:00 UTC).",
        "このサーバーは本日の {count} 件の回答を使い切りました。明日（00:00 UTC から）またどうぞ。",
        "此服务器已用完今天的 {count} 个回答。明天（UTC 00:00 起）我很乐意继续。",
    ),
    # Words outside answers.
    "hello": (
        "Hi! Mention me with a question, or use `/ask`. I answer from this community's sources and link to them.",
        "Hallo! Erwähne mich mit einer Frage oder nimm `/ask`. Ich antworte aus den Quellen dieser Community und verlinke sie.",
        "Bonjour ! Mentionne-moi avec une question ou utilise `/ask`. Je réponds d'après les sources de cette communauté, liens à l'appui.",
        "¡Hola! Mencióname con una pregunta o usa `/ask`. Respondo con las fuentes de esta comunidad y las enlazo.",
        "Oi! Mencione-me com uma pergunta ou use `/ask`. Respondo com as fontes desta comunidade e mostro os links.",
        "こんにちは！質問と一緒にメンションするか、`/ask` を使ってください。このコミュニティの出典をもとに、リンク付きで答えます。",
        "你好！提及我并附上问题，或使用 `/ask`。我依据本社区的来源回答并附上链接。",
    ),
    "unreadable": (
        "I can only read messages that mention me or reply to me. Please reply to my answer, or mention me.",
        "Ich kann nur Nachrichten lesen, die mich erwähnen oder mir antworten. Antworte bitte auf meine Antwort oder erwähne mich.",
        "Je ne peux lire que les messages qui me mentionnent ou me répondent. Réponds à mon message ou mentionne-moi.",
        "Solo puedo leer mensajes que me mencionan o me responden. Responde a mi mensaje o mencióname.",
        "Só consigo ler mensagens que me mencionam ou me respondem. Responda à minha mensagem ou mencione-me.",
        "私が読めるのは、私へのメンションか返信だけです。回答に返信するか、メンションしてください。",
        "我只能读取提及我或回复我的消息。请回复我的回答或提及我。",
    ),
    "no_threads": (
        "I answer here because I may not use threads in this channel. An admin can change that: give my role {missing} under this channel's settings, Permissions.",
        "Ich antworte hier, weil ich in diesem Kanal keine Threads nutzen darf. Ein Admin kann das in den Berechtigungen des Kanals ändern: {missing}.",
        "Je réponds ici car je ne peux pas utiliser les fils dans ce salon. Un admin peut le changer dans les permissions du salon : {missing}.",
        "Respondo aquí porque no puedo usar hilos en este canal. Un admin puede cambiarlo en los permisos del canal: {missing}.",
        "Respondo aqui porque não posso usar tópicos neste canal. Um admin pode mudar isso nas permissões do canal: {missing}.",
        "このチャンネルではスレッドを使えないため、ここで答えます。管理者はチャンネルの権限で変更できます: {missing}。",
        "我在这里回答，因为我不能在此频道使用子区。管理员可在频道权限中更改：{missing}。",
    ),
    "no_writing": (
        "I can't answer in {channel}: my role lacks {missing} there. An admin can change that under the channel's settings, Permissions. Until then you can ask me here.",
        "In {channel} kann ich nicht antworten: Meiner Rolle fehlt dort {missing}. Ein Admin kann das in den Berechtigungen des Kanals ändern. Bis dahin kannst du mich hier fragen.",
        "Je ne peux pas répondre dans {channel} : il manque {missing} à mon rôle. Un admin peut le changer dans les permissions du salon. En attendant, demande-moi ici.",
        "No puedo responder en {channel}: a mi rol le falta {missing}. Un admin puede cambiarlo en los permisos del canal. Mientras tanto, pregúntame aquí.",
        "Não posso responder em {channel}: falta {missing} ao meu cargo. Um admin pode mudar isso nas permissões do canal. Até lá, pergunte aqui.",
        "{channel} では答えられません。私のロールに {missing} がありません。管理者はチャンネルの権限で変更できます。それまではここで質問してください。",
        "我无法在 {channel} 回答：我的身份组缺少 {missing}。管理员可在频道权限中更改。在此之前你可以在这里问我。",
    ),
    "no_words": (
        "There are no words in this message that I could answer.", "In dieser Nachricht stehen keine Worte, auf die ich antworten könnte.",
        "Ce message ne contient pas de texte auquel répondre.", "Este mensaje no tiene texto que pueda responder.",
        "Esta mensagem não tem texto que eu possa responder.", "このメッセージには回答できる文章がありません。", "这条消息没有可供回答的文字。",
    ),
    "help": (
        ("I answer questions from this community's own sources and link every claim to the place it rests on. When the sources don't hold the answer, I say so.\n"
        "- `/ask` answers here; with `private` only you see it.\n- Mention me with a question and I answer in a thread.\n"
        "- Reply to an answer, or mention me in its thread, to ask on: I remember the conversation.\n"
        "- Right-click a message, Apps, **Ask about this message**.\n- The buttons below an answer tell me whether it helped, show its sources, or ask again.\n"
        "- `/privacy` says what I keep, and deletes it. Who manages this server decides with `/config` where and how I answer."),
        ("Ich beantworte Fragen aus den Quellen dieser Community und verlinke jede Aussage. Steht die Antwort nicht darin, sage ich das.\n"
        "- `/ask` antwortet hier; mit `private` siehst nur du es.\n- Erwähne mich mit einer Frage, und ich antworte in einem Thread.\n"
        "- Antworte auf eine Antwort, um weiterzufragen: Ich merke mir das Gespräch.\n- Rechtsklick auf eine Nachricht, Apps, **Zu dieser Nachricht fragen**.\n"
        "- Die Knöpfe unter einer Antwort: Rückmeldung, Quellen, neu fragen.\n- `/privacy` sagt, was ich aufbewahre, und löscht es. Wer den Server verwaltet, legt mit `/config` fest, wo und wie ich antworte."),
        ("Je réponds d'après les sources de cette communauté et je lie chaque affirmation à son origine. Si elles n'ont pas la réponse, je le dis.\n"
        "- `/ask` répond ici ; avec `private`, toi seul le vois.\n- Mentionne-moi avec une question : je réponds dans un fil.\n"
        "- Réponds à une réponse pour continuer : je me souviens de la conversation.\n- Clic droit sur un message, Applications, **Demander sur ce message**.\n"
        "- Les boutons sous une réponse : avis, sources, redemander.\n- `/privacy` dit ce que je garde, et l'efface. Qui gère le serveur règle avec `/config` où et comment je réponds."),
        ("Respondo con las fuentes de esta comunidad y enlazo cada afirmación. Si no contienen la respuesta, lo digo.\n"
        "- `/ask` responde aquí; con `private` solo lo ves tú.\n- Mencióname con una pregunta y respondo en un hilo.\n"
        "- Responde a una respuesta para seguir: recuerdo la conversación.\n- Clic derecho en un mensaje, Aplicaciones, **Preguntar sobre este mensaje**.\n"
        "- Los botones bajo una respuesta: opinión, fuentes, preguntar otra vez.\n- `/privacy` dice qué guardo y lo borra. Quien gestiona el servidor decide con `/config` dónde y cómo respondo."),
        ("Respondo com as fontes desta comunidade e mostro o link de cada afirmação. Se elas não têm a resposta, eu digo.\n"
        "- `/ask` responde aqui; com `private` só você vê.\n- Mencione-me com uma pergunta e respondo em um tópico.\n"
        "- Responda a uma resposta para continuar: eu lembro da conversa.\n- Clique direito em uma mensagem, Apps, **Perguntar sobre esta mensagem**.\n"
        "- Os botões abaixo da resposta: opinião, fontes, perguntar de novo.\n- `/privacy` diz o que guardo e apaga. Quem gerencia o servidor decide com `/config` onde e como respondo."),
        ("このコミュニティの出典から質問に答え、すべての記述に出典のリンクを付けます。答えがなければ、そう伝えます。\n"
        "- `/ask` はここで答えます。`private` ならあなただけに見えます。\n- 質問と一緒にメンションすると、スレッドで答えます。\n"
        "- 回答に返信すると会話を続けられます。\n- メッセージを右クリック、アプリ、**このメッセージについて質問**。\n"
        "- 回答の下のボタン: 評価、出典、再質問。\n- `/privacy` は保存内容の確認と削除です。サーバー管理者は `/config` で回答の場所と方法を決められます。"),
        ("我依据本社区的来源回答问题，并为每个说法附上出处。来源中没有答案时，我会说明。\n"
        "- `/ask` 在此回答；加 `private` 则只有你能看到。\n- 提及我并附上问题，我会在子区中回答。\n"
        "- 回复某个回答即可继续提问：我记得对话。\n- 右键点击消息，应用，**就此消息提问**。\n"
        "- 回答下方的按钮：反馈、来源、再问一次。\n- `/privacy` 说明我保存什么，并可删除。服务器管理者可用 `/config` 决定我在哪里、如何回答。"),
    ),
    # Buttons below an answer.
    "helpful": ("Helpful", "Hilfreich", "Utile", "Útil", "Útil", "役に立った", "有帮助"),
    "not_helpful": ("Not helpful", "Nicht hilfreich", "Pas utile", "No es útil", "Não ajudou", "役に立たない", "没有帮助"),
    "again": ("Ask again", "Neu fragen", "Redemander", "Preguntar otra vez", "Perguntar de novo", "もう一度質問", "再问一次"),
    "thanks": ("Thank you, that helps.", "Danke, das hilft.", "Merci, cela aide.", "Gracias, eso ayuda.",
               "Obrigado, isso ajuda.", "ありがとうございます。", "谢谢，这很有帮助。"),
    "reason_title": ("What was wrong?", "Was war falsch?", "Qu'est-ce qui n'allait pas ?", "¿Qué estuvo mal?",
                     "O que estava errado?", "何が問題でしたか？", "哪里不对？"),
    "reason_label": ("Reason (you may leave it empty)", "Grund (kann leer bleiben)", "Raison (facultatif)", "Motivo (opcional)",
                     "Motivo (opcional)", "理由（空欄でも可）", "原因（可留空）"),
    "only_asker": (
        "Only whoever asked can ask this again. `/ask` is yours.", "Nur wer gefragt hat, kann neu fragen. `/ask` steht dir offen.",
        "Seule la personne qui a posé la question peut la reposer. Utilise `/ask`.", "Solo quien preguntó puede repetir la pregunta. Usa `/ask`.",
        "Só quem perguntou pode perguntar de novo. Use `/ask`.", "再質問できるのは質問した人だけです。`/ask` をご利用ください。", "只有提问者可以再问。你可以使用 `/ask`。",
    ),
    "forgotten": (
        "This answer is no longer kept.", "Diese Antwort ist nicht mehr gespeichert.", "Cette réponse n'est plus conservée.",
        "Esta respuesta ya no se guarda.", "Esta resposta não está mais guardada.", "この回答はもう保存されていません。", "此回答已不再保存。",
    ),
    "no_sources": ("This answer rests on no source.", "Diese Antwort stützt sich auf keine Quelle.", "Cette réponse ne repose sur aucune source.",
                   "Esta respuesta no se basa en ninguna fuente.", "Esta resposta não se baseia em nenhuma fonte.",
                   "この回答に出典はありません。", "此回答没有来源。"),
    # Privacy.
    "kept": (
        ("What I keep of you: the questions you ask me, my answers and your feedback, for {days} days after the conversation was last continued, so that you can ask on and the answers get better."
        " Of other messages I keep nothing, unless this server has solved threads learned: then what you wrote there, too, until it is deleted or you opt out. Questions go to the language model this bot is set up with."),
        ("Was ich von dir aufbewahre: deine Fragen an mich, meine Antworten und deine Rückmeldungen, bis {days} Tage nach dem letzten Beitrag zum Gespräch, damit du weiterfragen kannst und die Antworten besser werden."
        " Von anderen Nachrichten bewahre ich nichts auf, außer wo dieser Server gelöste Threads lernen lässt: dort auch, was du geschrieben hast, bis es gelöscht wird oder du widersprichst. Fragen gehen an das Sprachmodell, mit dem dieser Bot eingerichtet ist."),
        ("Ce que je garde de toi : tes questions, mes réponses et tes avis, pendant {days} jours après la dernière suite de la conversation, pour que tu puisses continuer et que les réponses s'améliorent."
        " Je ne garde rien des autres messages, sauf là où ce serveur fait apprendre les fils résolus : alors aussi ce que tu y as écrit, jusqu'à sa suppression ou ton refus. Les questions vont au modèle de langue configuré pour ce bot."),
        ("Lo que guardo de ti: tus preguntas, mis respuestas y tus opiniones, durante {days} días desde la última vez que siguió la conversación, para que puedas continuar y las respuestas mejoren."
        " De otros mensajes no guardo nada, salvo donde este servidor hace aprender los hilos resueltos: allí también lo que escribiste, hasta que se borre o te excluyas. Las preguntas van al modelo de lenguaje configurado para este bot."),
        ("O que guardo de você: suas perguntas, minhas respostas e suas opiniões, por {days} dias após a última continuação da conversa, para que você possa continuar e as respostas melhorem."
        " De outras mensagens não guardo nada, exceto onde este servidor faz aprender os tópicos resolvidos: ali também o que você escreveu, até ser apagado ou você sair. As perguntas vão para o modelo de linguagem configurado para este bot."),
        ("保存するもの: あなたの質問、私の回答、あなたの評価。会話が最後に続いてから {days} 日間、続きの質問と回答の改善のために保存します。"
        "ほかのメッセージは保存しません。ただし、このサーバーが解決済みスレッドの学習を有効にした場所では、削除または拒否されるまで、そこに書かれた内容も保存します。質問はこのボットに設定された言語モデルに送られます。"),
        ("我保存的内容：你向我提的问题、我的回答和你的反馈，自对话最后一次继续起保存 {days} 天，以便你继续提问并改进回答。"
        "其他消息我不保存，但若本服务器启用了学习已解决的子区，则其中你写的内容也会保存，直到被删除或你选择退出。问题会发送给此机器人所配置的语言模型。"),
    ),
    "opted_out": (
        "You opted out: your questions are answered and not kept, so I can't remember conversations with you.",
        "Du hast widersprochen: Deine Fragen werden beantwortet und nicht aufbewahrt, daher merke ich mir Gespräche mit dir nicht.",
        "Tu as refusé la conservation : tes questions reçoivent une réponse sans être gardées, je ne me souviens donc pas de nos conversations.",
        "Has rechazado la conservación: respondo tus preguntas sin guardarlas, así que no recuerdo las conversaciones contigo.",
        "Você recusou a retenção: suas perguntas são respondidas e não guardadas, então não lembro das conversas com você.",
        "保存しない設定です。質問には答えますが保存しないため、会話を覚えていられません。",
        "你已选择不保存：你的问题会得到回答但不会保存，因此我无法记住与你的对话。",
    ),
    "opted_in": (
        "Your questions are kept again.", "Deine Fragen werden wieder aufbewahrt.", "Tes questions sont de nouveau conservées.",
        "Tus preguntas vuelven a guardarse.", "Suas perguntas voltam a ser guardadas.", "質問は再び保存されます。", "你的问题将重新保存。",
    ),
    "deleted": (
        "Deleted: {count} conversations of yours, and all your feedback. My messages in Discord stay; an admin can delete them.",
        "Gelöscht: {count} Gespräche von dir und alle deine Rückmeldungen. Meine Nachrichten in Discord bleiben; ein Admin kann sie löschen.",
        "Effacé : {count} de tes conversations et tous tes avis. Mes messages dans Discord restent ; un admin peut les supprimer.",
        "Borrado: {count} conversaciones tuyas y todas tus opiniones. Mis mensajes en Discord permanecen; un admin puede borrarlos.",
        "Apagado: {count} conversas suas e todas as suas opiniões. Minhas mensagens no Discord ficam; um admin pode apagá-las.",
        "削除しました: あなたの会話 {count} 件とすべての評価。Discord 上の私のメッセージは残ります。管理者が削除できます。",
        "已删除：你的 {count} 个对话和全部反馈。我在 Discord 中的消息仍在；管理员可以删除。",
    ),
    "delete_mine": ("Delete mine", "Meine löschen", "Effacer les miennes", "Borrar lo mío", "Apagar o meu", "自分の分を削除", "删除我的数据"),
    "opt_out": ("Don't keep my questions", "Meine Fragen nicht aufbewahren", "Ne pas garder mes questions", "No guardar mis preguntas",
                "Não guardar minhas perguntas", "質問を保存しない", "不保存我的问题"),
    "opt_in": ("Keep my questions", "Meine Fragen aufbewahren", "Garder mes questions", "Guardar mis preguntas",
               "Guardar minhas perguntas", "質問を保存する", "保存我的问题"),
    # Commands: names are lower-case words of at most 32 characters, descriptions have at most 100.
    "command.ask": ("ask", "fragen", "demander", "preguntar", "perguntar", "質問", "提问"),
    "command.ask.about": (
        "Ask a question; the answer cites this community's sources", "Stelle eine Frage; die Antwort nennt die Quellen dieser Community",
        "Pose une question ; la réponse cite les sources de cette communauté", "Haz una pregunta; la respuesta cita las fuentes de esta comunidad",
        "Faça uma pergunta; a resposta cita as fontes desta comunidade", "質問すると、このコミュニティの出典付きで答えます", "提一个问题；回答会引用本社区的来源",
    ),
    "option.question": ("question", "frage", "question", "pregunta", "pergunta", "質問文", "问题"),
    "option.question.about": ("What you want to know", "Was du wissen möchtest", "Ce que tu veux savoir", "Lo que quieres saber",
                              "O que você quer saber", "知りたいこと", "你想知道什么"),
    "option.private": ("private", "privat", "privé", "privado", "privado", "非公開", "私密"),
    "option.private.about": ("Only you see the answer", "Nur du siehst die Antwort", "Toi seul vois la réponse", "Solo tú ves la respuesta",
                             "Só você vê a resposta", "回答はあなただけに見えます", "只有你能看到回答"),
    "command.help": ("help", "hilfe", "aide", "ayuda", "ajuda", "ヘルプ", "帮助"),
    "command.help.about": ("What I can do", "Was ich kann", "Ce que je sais faire", "Lo que puedo hacer", "O que eu sei fazer",
                           "できること", "我能做什么"),
    "command.privacy": ("privacy", "datenschutz", "confidentialité", "privacidad", "privacidade", "プライバシー", "隐私"),
    "command.privacy.about": (
        "What I keep of you; delete it, or opt out", "Was ich von dir aufbewahre; löschen oder widersprechen",
        "Ce que je garde de toi ; l'effacer ou le refuser", "Lo que guardo de ti; bórralo o recházalo",
        "O que guardo de você; apague ou recuse", "保存している内容の確認・削除・停止", "我保存你的哪些内容；删除或停用",
    ),
    "menu.about": ("Ask about this message", "Zu dieser Nachricht fragen", "Demander sur ce message", "Preguntar sobre este mensaje",
                   "Perguntar sobre esta mensagem", "このメッセージについて質問", "就此消息提问"),
    **CONFIG_TEXTS,
}
# fmt: on
